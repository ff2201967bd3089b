// Runs before a page's own scripts: how long these work between two frames, listeners and timers included.
(() => {
  const log = { work: [], gaps: [] }
  let [depth, spent, last, on] = [0, 0, 0, false]
  const timed = (run) =>
    function (...args) {
      const began = performance.now()
      depth += 1
      try {
        return run.apply(this, args)
      } finally {
        depth -= 1
        if (depth === 0) spent += performance.now() - began
      }
    }
  const frame = window.requestAnimationFrame.bind(window)
  window.requestAnimationFrame = (run) => frame(timed(run))
  const later = window.setTimeout.bind(window)
  window.setTimeout = (run, ...rest) => later(typeof run === 'function' ? timed(run) : run, ...rest)
  const { addEventListener, removeEventListener } = EventTarget.prototype
  const wrapped = new WeakMap()
  EventTarget.prototype.addEventListener = function (type, listener, options) {
    if (typeof listener !== 'function') return addEventListener.call(this, type, listener, options)
    if (!wrapped.has(listener)) wrapped.set(listener, timed(listener))
    return addEventListener.call(this, type, wrapped.get(listener), options)
  }
  EventTarget.prototype.removeEventListener = function (type, listener, options) {
    return removeEventListener.call(this, type, wrapped.get(listener) ?? listener, options)
  }
  // Socket.IO listens by this property.
  const onmessage = Object.getOwnPropertyDescriptor(WebSocket.prototype, 'onmessage')
  Object.defineProperty(WebSocket.prototype, 'onmessage', {
    get: onmessage.get,
    set(listener) {
      onmessage.set.call(this, listener && timed(listener))
    },
  })
  const tick = (now) => {
    if (on) {
      log.work.push(spent)
      if (last > 0) log.gaps.push(now - last)
    }
    spent = 0
    last = now
    frame(tick)
  }
  frame(tick)
  window.frames_ = {
    start() {
      log.work.length = log.gaps.length = last = 0
      on = true
    },
    stop() {
      on = false
      return log
    },
  }
})()
