class Io {
  constructor(t = {}) {
    this.failures = 0, this.options = { base: 500, cap: 1e4, random: Math.random, ...t };
  }
  get attempt() {
    return this.failures;
  }
  next(t = 0) {
    const { base: e, cap: s, random: r } = this.options, i = Math.min(s, e * 2 ** Math.min(this.failures, 30));
    return this.failures += 1, Math.round(t + r() * i);
  }
  reset() {
    this.failures = 0;
  }
}
const O = () => /* @__PURE__ */ new Map(), Pn = (n) => {
  const t = O();
  return n.forEach((e, s) => {
    t.set(s, e);
  }), t;
}, $ = (n, t, e) => {
  let s = n.get(t);
  return s === void 0 && n.set(t, s = e()), s;
}, Lo = (n, t) => {
  const e = [];
  for (const [s, r] of n) e.push(t(r, s));
  return e;
}, No = (n, t) => {
  for (const [e, s] of n) if (t(s, e)) return !0;
  return !1;
}, It = () => /* @__PURE__ */ new Set(), vn = (n) => n[n.length - 1], Uo = (n, t) => {
  for (let e = 0; e < t.length; e++) n.push(t[e]);
}, at = Array.from, es = (n, t) => {
  for (let e = 0; e < n.length; e++) if (!t(n[e], e, n)) return !1;
  return !0;
}, ns = (n, t) => {
  for (let e = 0; e < n.length; e++) if (t(n[e], e, n)) return !0;
  return !1;
}, Mo = (n, t) => {
  const e = new Array(n);
  for (let s = 0; s < n; s++) e[s] = t(s, e);
  return e;
}, zt = Array.isArray;
class Ze {
  constructor() {
    this._observers = O();
  }
  on(t, e) {
    return $(this._observers, t, It).add(e), e;
  }
  once(t, e) {
    const s = (...r) => {
      this.off(t, s), e(...r);
    };
    this.on(t, s);
  }
  off(t, e) {
    const s = this._observers.get(t);
    s !== void 0 && (s.delete(e), s.size === 0 && this._observers.delete(t));
  }
  emit(t, e) {
    return at((this._observers.get(t) || O()).values()).forEach((s) => s(...e));
  }
  destroy() {
    this._observers = O();
  }
}
class Ir {
  constructor() {
    this._observers = O();
  }
  on(t, e) {
    $(this._observers, t, It).add(e);
  }
  once(t, e) {
    const s = (...r) => {
      this.off(t, s), e(...r);
    };
    this.on(t, s);
  }
  off(t, e) {
    const s = this._observers.get(t);
    s !== void 0 && (s.delete(e), s.size === 0 && this._observers.delete(t));
  }
  emit(t, e) {
    return at((this._observers.get(t) || O()).values()).forEach((s) => s(...e));
  }
  destroy() {
    this._observers = O();
  }
}
const Z = Math.floor, Le = Math.abs, Lr = (n, t) => n < t ? n : t, Bt = (n, t) => n > t ? n : t, Nr = (n) => n !== 0 ? n < 0 : 1 / n < 0, Ps = 1, js = 2, Sn = 4, En = 8, ce = 32, lt = 64, W = 128, Qe = 31, jn = 63, Dt = 127, Bo = 2147483647, qe = Number.MAX_SAFE_INTEGER, Fs = Number.MIN_SAFE_INTEGER, Po = Number.isInteger || ((n) => typeof n == "number" && isFinite(n) && Z(n) === n), jo = String.fromCharCode, Fo = (n) => n.toLowerCase(), $o = /^\s*/g, Vo = (n) => n.replace($o, ""), qo = /([A-Z])/g, $s = (n, t) => Vo(n.replace(qo, (e) => `${t}${Fo(e)}`)), Wo = (n) => {
  const t = unescape(encodeURIComponent(n)), e = t.length, s = new Uint8Array(e);
  for (let r = 0; r < e; r++) s[r] = t.codePointAt(r);
  return s;
}, le = typeof TextEncoder < "u" ? new TextEncoder() : null, zo = (n) => le.encode(n), Jo = le ? zo : Wo;
let oe = typeof TextDecoder > "u" ? null : new TextDecoder("utf-8", { fatal: !0, ignoreBOM: !0 });
oe && oe.decode(new Uint8Array()).length === 1 && (oe = null);
const Ur = (n, t) => Mo(t, () => n).join("");
let Se = class {
  constructor() {
    this.cpos = 0, this.cbuf = new Uint8Array(100), this.bufs = [];
  }
};
const it = () => new Se(), Ho = (n) => {
  let t = n.cpos;
  for (let e = 0; e < n.bufs.length; e++) t += n.bufs[e].length;
  return t;
}, I = (n) => {
  const t = new Uint8Array(Ho(n));
  let e = 0;
  for (let s = 0; s < n.bufs.length; s++) {
    const r = n.bufs[s];
    t.set(r, e), e += r.length;
  }
  return t.set(new Uint8Array(n.cbuf.buffer, 0, n.cpos), e), t;
}, Ko = (n, t) => {
  const e = n.cbuf.length;
  e - n.cpos < t && (n.bufs.push(new Uint8Array(n.cbuf.buffer, 0, n.cpos)), n.cbuf = new Uint8Array(Bt(e, t) * 2), n.cpos = 0);
}, D = (n, t) => {
  const e = n.cbuf.length;
  n.cpos === e && (n.bufs.push(n.cbuf), n.cbuf = new Uint8Array(e * 2), n.cpos = 0), n.cbuf[n.cpos++] = t;
}, he = D, g = (n, t) => {
  for (; t > Dt; ) D(n, W | Dt & t), t = Z(t / 128);
  D(n, Dt & t);
}, tn = (n, t) => {
  const e = Nr(t);
  for (e && (t = -t), D(n, (t > jn ? W : 0) | (e ? lt : 0) | jn & t), t = Z(t / 64); t > 0; ) D(n, (t > Dt ? W : 0) | Dt & t), t = Z(t / 128);
}, Fn = new Uint8Array(3e4), Yo = Fn.length / 3, Xo = (n, t) => {
  if (t.length < Yo) {
    const e = le.encodeInto(t, Fn).written || 0;
    g(n, e);
    for (let s = 0; s < e; s++) D(n, Fn[s]);
  } else V(n, Jo(t));
}, Go = (n, t) => {
  const e = unescape(encodeURIComponent(t)), s = e.length;
  g(n, s);
  for (let r = 0; r < s; r++) D(n, e.codePointAt(r));
}, bt = le && le.encodeInto ? Xo : Go, Zo = (n, t) => Qt(n, I(t)), Qt = (n, t) => {
  const e = n.cbuf.length, s = n.cpos, r = Lr(e - s, t.length), i = t.length - r;
  n.cbuf.set(t.subarray(0, r), s), n.cpos += r, i > 0 && (n.bufs.push(n.cbuf), n.cbuf = new Uint8Array(Bt(e * 2, i)), n.cbuf.set(t.subarray(r)), n.cpos = i);
}, V = (n, t) => {
  g(n, t.byteLength), Qt(n, t);
}, ss = (n, t) => {
  Ko(n, t);
  const e = new DataView(n.cbuf.buffer, n.cpos, t);
  return n.cpos += t, e;
}, Qo = (n, t) => ss(n, 4).setFloat32(0, t, !1), tc = (n, t) => ss(n, 8).setFloat64(0, t, !1), ec = (n, t) => ss(n, 8).setBigInt64(0, t, !1), Vs = new DataView(new ArrayBuffer(4)), nc = (n) => (Vs.setFloat32(0, n), Vs.getFloat32(0) === n), ae = (n, t) => {
  switch (typeof t) {
    case "string":
      D(n, 119), bt(n, t);
      break;
    case "number":
      Po(t) && Le(t) <= Bo ? (D(n, 125), tn(n, t)) : nc(t) ? (D(n, 124), Qo(n, t)) : (D(n, 123), tc(n, t));
      break;
    case "bigint":
      D(n, 122), ec(n, t);
      break;
    case "object":
      if (t === null) D(n, 126);
      else if (zt(t)) {
        D(n, 117), g(n, t.length);
        for (let e = 0; e < t.length; e++) ae(n, t[e]);
      } else if (t instanceof Uint8Array) D(n, 116), V(n, t);
      else {
        D(n, 118);
        const e = Object.keys(t);
        g(n, e.length);
        for (let s = 0; s < e.length; s++) {
          const r = e[s];
          bt(n, r), ae(n, t[r]);
        }
      }
      break;
    case "boolean":
      D(n, t ? 120 : 121);
      break;
    default:
      D(n, 127);
  }
};
class qs extends Se {
  constructor(t) {
    super(), this.w = t, this.s = null, this.count = 0;
  }
  write(t) {
    this.s === t ? this.count++ : (this.count > 0 && g(this, this.count - 1), this.count = 1, this.w(this, t), this.s = t);
  }
}
const Ws = (n) => {
  n.count > 0 && (tn(n.encoder, n.count === 1 ? n.s : -n.s), n.count > 1 && g(n.encoder, n.count - 2));
};
class Ne {
  constructor() {
    this.encoder = new Se(), this.s = 0, this.count = 0;
  }
  write(t) {
    this.s === t ? this.count++ : (Ws(this), this.count = 1, this.s = t);
  }
  toUint8Array() {
    return Ws(this), I(this.encoder);
  }
}
const zs = (n) => {
  if (n.count > 0) {
    const t = n.diff * 2 + (n.count === 1 ? 0 : 1);
    tn(n.encoder, t), n.count > 1 && g(n.encoder, n.count - 2);
  }
};
class Cn {
  constructor() {
    this.encoder = new Se(), this.s = 0, this.count = 0, this.diff = 0;
  }
  write(t) {
    this.diff === t - this.s ? (this.s = t, this.count++) : (zs(this), this.count = 1, this.diff = t - this.s, this.s = t);
  }
  toUint8Array() {
    return zs(this), I(this.encoder);
  }
}
class sc {
  constructor() {
    this.sarr = [], this.s = "", this.lensE = new Ne();
  }
  write(t) {
    this.s += t, this.s.length > 19 && (this.sarr.push(this.s), this.s = ""), this.lensE.write(t.length);
  }
  toUint8Array() {
    const t = new Se();
    return this.sarr.push(this.s), this.s = "", bt(t, this.sarr.join("")), Qt(t, this.lensE.toUint8Array()), I(t);
  }
}
const Q = (n) => new Error(n), G = () => {
  throw Q("Method unimplemented");
}, M = () => {
  throw Q("Unexpected case");
}, en = Q("Unexpected end of array"), Mr = Q("Integer out of Range"), rc = (n, t, e) => {
  if (t < 0 || e < 0 || t + e > n.length) throw en;
  return new Uint8Array(n.buffer, n.byteOffset + t, e);
}, ic = (n, t, e) => {
  if (t < 0 || e < 0 || t + e > n.length) throw en;
  return new DataView(n.buffer, n.byteOffset + t, e);
};
let nn = class {
  constructor(n) {
    this.arr = n, this.pos = 0;
  }
};
const N = (n) => new nn(n), Br = (n) => n.pos !== n.arr.length, oc = (n, t) => {
  const e = rc(n.arr, n.pos, t);
  return n.pos += t, e;
}, q = (n) => oc(n, y(n)), Jt = (n) => n.arr[n.pos++], y = (n) => {
  let t = 0, e = 1;
  const s = n.arr.length;
  for (; n.pos < s; ) {
    const r = n.arr[n.pos++];
    if (t = t + (r & Dt) * e, e *= 128, r < W) return t;
    if (t > qe) throw Mr;
  }
  throw en;
}, sn = (n) => {
  let t = n.arr[n.pos++], e = t & jn, s = 64;
  const r = (t & lt) > 0 ? -1 : 1;
  if ((t & W) === 0) return r * e;
  const i = n.arr.length;
  for (; n.pos < i; ) {
    if (t = n.arr[n.pos++], e = e + (t & Dt) * s, s *= 128, t < W) return r * e;
    if (e > qe) throw Mr;
  }
  throw en;
}, cc = (n) => {
  let t = y(n);
  if (t === 0) return "";
  {
    let e = String.fromCodePoint(Jt(n));
    if (--t < 100) for (; t--; ) e += String.fromCodePoint(Jt(n));
    else for (; t > 0; ) {
      const s = t < 1e4 ? t : 1e4, r = n.arr.subarray(n.pos, n.pos + s);
      n.pos += s, e += String.fromCodePoint.apply(null, r), t -= s;
    }
    return decodeURIComponent(escape(e));
  }
}, lc = (n) => oe.decode(q(n)), kt = oe ? lc : cc, rs = (n, t) => {
  const e = ic(n.arr, n.pos, t);
  return n.pos += t, e;
}, hc = (n) => rs(n, 4).getFloat32(0, !1), ac = (n) => rs(n, 8).getFloat64(0, !1), uc = (n) => rs(n, 8).getBigInt64(0, !1), dc = [(n) => {
}, (n) => null, sn, hc, ac, uc, (n) => !1, (n) => !0, kt, (n) => {
  const t = y(n), e = {};
  for (let s = 0; s < t; s++) {
    const r = kt(n);
    e[r] = ue(n);
  }
  return e;
}, (n) => {
  const t = y(n), e = [];
  for (let s = 0; s < t; s++) e.push(ue(n));
  return e;
}, q], ue = (n) => dc[127 - Jt(n)](n);
class Js extends nn {
  constructor(t, e) {
    super(t), this.reader = e, this.s = null, this.count = 0;
  }
  read() {
    return this.count === 0 && (this.s = this.reader(this), Br(this) ? this.count = y(this) + 1 : this.count = -1), this.count--, this.s;
  }
}
class Ue extends nn {
  constructor(t) {
    super(t), this.s = 0, this.count = 0;
  }
  read() {
    if (this.count === 0) {
      this.s = sn(this);
      const t = Nr(this.s);
      this.count = 1, t && (this.s = -this.s, this.count = y(this) + 2);
    }
    return this.count--, this.s;
  }
}
class Tn extends nn {
  constructor(t) {
    super(t), this.s = 0, this.count = 0, this.diff = 0;
  }
  read() {
    if (this.count === 0) {
      const t = sn(this), e = t & 1;
      this.diff = Z(t / 2), this.count = 1, e && (this.count = y(this) + 2);
    }
    return this.s += this.diff, this.count--, this.s;
  }
}
class pc {
  constructor(t) {
    this.decoder = new Ue(t), this.str = kt(this.decoder), this.spos = 0;
  }
  read() {
    const t = this.spos + this.decoder.read(), e = this.str.slice(this.spos, t);
    return this.spos = t, e;
  }
}
const de = Date.now, pe = /* @__PURE__ */ Symbol("Equality"), Pr = (n, t) => n === t || !!n?.[pe]?.(t) || !1, fc = (n) => typeof n == "object", gc = Object.assign, mc = Object.keys, yc = (n, t) => {
  for (const e in n) t(n[e], e);
}, We = (n) => mc(n).length, wc = (n) => {
  for (const t in n) return !1;
  return !0;
}, Ee = (n, t) => {
  for (const e in n) if (!t(n[e], e)) return !1;
  return !0;
}, is = (n, t) => Object.prototype.hasOwnProperty.call(n, t), bc = (n, t) => n === t || We(n) === We(t) && Ee(n, (e, s) => (e !== void 0 || is(t, s)) && Pr(t[s], e)), kc = Object.freeze, jr = (n) => {
  for (const t in n) {
    const e = n[t];
    (typeof e == "object" || typeof e == "function") && jr(n[t]);
  }
  return kc(n);
}, os = (n, t, e = 0) => {
  try {
    for (; e < n.length; e++) n[e](...t);
  } finally {
    e < n.length && os(n, t, e + 1);
  }
}, Fr = (n) => n, qt = (n, t) => {
  if (n === t) return !0;
  if (n == null || t == null || n.constructor !== t.constructor && (n.constructor || Object) !== (t.constructor || Object)) return !1;
  if (n[pe] != null) return n[pe](t);
  switch (n.constructor) {
    case ArrayBuffer:
      n = new Uint8Array(n), t = new Uint8Array(t);
    case Uint8Array: {
      if (n.byteLength !== t.byteLength) return !1;
      for (let e = 0; e < n.length; e++) if (n[e] !== t[e]) return !1;
      break;
    }
    case Set: {
      if (n.size !== t.size) return !1;
      for (const e of n) if (!t.has(e)) return !1;
      break;
    }
    case Map: {
      if (n.size !== t.size) return !1;
      for (const e of n.keys()) if (!t.has(e) || !qt(n.get(e), t.get(e))) return !1;
      break;
    }
    case void 0:
    case Object:
      if (We(n) !== We(t)) return !1;
      for (const e in n) if (!is(n, e) || !qt(n[e], t[e])) return !1;
      break;
    case Array:
      if (n.length !== t.length) return !1;
      for (let e = 0; e < n.length; e++) if (!qt(n[e], t[e])) return !1;
      break;
    default:
      return !1;
  }
  return !0;
}, _c = (n, t) => t.includes(n), vc = crypto.getRandomValues.bind(crypto), $r = () => vc(new Uint32Array(1))[0], Sc = "10000000-1000-4000-8000" + -1e11, Ec = () => Sc.replace(/[018]/g, (n) => (n ^ $r() & 15 >> n / 4).toString(16)), Ht = (n) => new Promise(n);
Promise.all.bind(Promise);
const Cc = (n) => n === void 0 ? null : n;
class Tc {
  constructor() {
    this.map = /* @__PURE__ */ new Map();
  }
  setItem(t, e) {
    this.map.set(t, e);
  }
  getItem(t) {
    return this.map.get(t);
  }
}
let Vr = new Tc(), Ac = !0;
try {
  typeof window < "u" && typeof localStorage < "u" && localStorage && (Vr = localStorage, Ac = !1);
} catch {
}
const xc = Vr, fe = typeof process < "u" && process.release && /node|io\.js/.test(process.release.name) && Object.prototype.toString.call(typeof process < "u" ? process : 0) === "[object process]";
let et;
const Dc = () => {
  if (et === void 0) if (fe) {
    et = O();
    const n = process.argv;
    let t = null;
    for (let e = 0; e < n.length; e++) {
      const s = n[e];
      s[0] === "-" ? (t !== null && et.set(t, ""), t = s) : t !== null && (et.set(t, s), t = null);
    }
    t !== null && et.set(t, "");
  } else typeof location == "object" ? (et = O(), (location.search || "?").slice(1).split("&").forEach((n) => {
    if (n.length !== 0) {
      const [t, e] = n.split("=");
      et.set(`--${$s(t, "-")}`, e), et.set(`-${$s(t, "-")}`, e);
    }
  })) : et = O();
  return et;
}, $n = (n) => Dc().has(n), ze = (n) => Cc(fe ? process.env[n.toUpperCase().replaceAll("-", "_")] : xc.getItem(n)), qr = (n) => $n("--" + n) || ze(n) !== null, Oc = qr("production"), Rc = fe && _c(process.env.FORCE_COLOR, ["true", "1", "2"]), Ic = Rc || !$n("--no-colors") && !qr("no-color") && (!fe || process.stdout.isTTY) && (!fe || $n("--color") || ze("COLORTERM") !== null || (ze("TERM") || "").includes("color")), Lc = (n) => new Uint8Array(n), Nc = (n) => {
  const t = Lc(n.byteLength);
  return t.set(n), t;
};
class Uc {
  constructor(t, e) {
    this.left = t, this.right = e;
  }
}
const ct = (n, t) => new Uc(n, t), Hs = (n) => n.next() >= 0.5, An = (n, t, e) => Z(n.next() * (e + 1 - t) + t), Wr = (n, t, e) => Z(n.next() * (e + 1 - t) + t), cs = (n, t, e) => Wr(n, t, e), Mc = (n) => jo(cs(n, 97, 122)), Bc = (n, t = 0, e = 20) => {
  const s = cs(n, t, e);
  let r = "";
  for (let i = 0; i < s; i++) r += Mc(n);
  return r;
}, xn = (n, t) => t[cs(n, 0, t.length - 1)], Pc = /* @__PURE__ */ Symbol("0schema");
class jc {
  constructor() {
    this._rerrs = [];
  }
  extend(t, e, s, r = null) {
    this._rerrs.push({ path: t, expected: e, has: s, message: r });
  }
  toString() {
    const t = [];
    for (let e = this._rerrs.length - 1; e > 0; e--) {
      const s = this._rerrs[e];
      t.push(Ur(" ", (this._rerrs.length - e) * 2) + `${s.path != null ? `[${s.path}] ` : ""}${s.has} doesn't match ${s.expected}. ${s.message}`);
    }
    return t.join(`
`);
  }
}
const Vn = (n, t) => n === t ? !0 : n == null || t == null || n.constructor !== t.constructor ? !1 : n[pe] ? Pr(n, t) : zt(n) ? es(n, (e) => ns(t, (s) => Vn(e, s))) : fc(n) ? Ee(n, (e, s) => Vn(e, t[s])) : !1;
class F {
  static _dilutes = !1;
  extends(t) {
    let [e, s] = [this.shape, t.shape];
    return this.constructor._dilutes && ([s, e] = [e, s]), Vn(e, s);
  }
  equals(t) {
    return this.constructor === t.constructor && qt(this.shape, t.shape);
  }
  [Pc]() {
    return !0;
  }
  [pe](t) {
    return this.equals(t);
  }
  validate(t) {
    return this.check(t);
  }
  check(t, e) {
    G();
  }
  get nullable() {
    return te(this, hn);
  }
  get optional() {
    return new Hr(this);
  }
  cast(t) {
    return Ks(t, this), t;
  }
  expect(t) {
    return Ks(t, this), t;
  }
}
class ls extends F {
  constructor(t, e) {
    super(), this.shape = t, this._c = e;
  }
  check(t, e = void 0) {
    const s = t?.constructor === this.shape && (this._c == null || this._c(t));
    return !s && e?.extend(null, this.shape.name, t?.constructor.name, t?.constructor !== this.shape ? "Constructor match failed" : "Check failed"), s;
  }
}
const T = (n, t = null) => new ls(n, t);
T(ls);
class hs extends F {
  constructor(t) {
    super(), this.shape = t;
  }
  check(t, e) {
    const s = this.shape(t);
    return !s && e?.extend(null, "custom prop", t?.constructor.name, "failed to check custom prop"), s;
  }
}
const R = (n) => new hs(n);
T(hs);
class rn extends F {
  constructor(t) {
    super(), this.shape = t;
  }
  check(t, e) {
    const s = this.shape.some((r) => r === t);
    return !s && e?.extend(null, this.shape.join(" | "), t.toString()), s;
  }
}
const on = (...n) => new rn(n), zr = T(rn), Fc = RegExp.escape || ((n) => n.replace(/[().|&,$^[\]]/g, (t) => "\\" + t)), Jr = (n) => {
  if (Kt.check(n)) return [Fc(n)];
  if (zr.check(n)) return n.shape.map((t) => t + "");
  if (ni.check(n)) return ["[+-]?\\d+.?\\d*"];
  if (si.check(n)) return [".*"];
  if (Je.check(n)) return n.shape.map(Jr).flat(1);
  M();
};
class $c extends F {
  constructor(t) {
    super(), this.shape = t, this._r = new RegExp("^" + t.map(Jr).map((e) => `(${e.join("|")})`).join("") + "$");
  }
  check(t, e) {
    const s = this._r.exec(t) != null;
    return !s && e?.extend(null, this._r.toString(), t.toString(), "String doesn't match string template."), s;
  }
}
T($c);
const Vc = /* @__PURE__ */ Symbol("optional");
class Hr extends F {
  constructor(t) {
    super(), this.shape = t;
  }
  check(t, e) {
    const s = t === void 0 || this.shape.check(t);
    return !s && e?.extend(null, "undefined (optional)", "()"), s;
  }
  get [Vc]() {
    return !0;
  }
}
const qc = T(Hr);
class Wc extends F {
  check(t, e) {
    return e?.extend(null, "never", typeof t), !1;
  }
}
T(Wc);
class cn extends F {
  constructor(t, e = !1) {
    super(), this.shape = t, this._isPartial = e;
  }
  static _dilutes = !0;
  get partial() {
    return new cn(this.shape, !0);
  }
  check(t, e) {
    return t == null ? (e?.extend(null, "object", "null"), !1) : Ee(this.shape, (s, r) => {
      const i = this._isPartial && !is(t, r) || s.check(t[r], e);
      return !i && e?.extend(r.toString(), s.toString(), typeof t[r], "Object property does not match"), i;
    });
  }
}
const zc = (n) => new cn(n), Jc = T(cn), Hc = R((n) => n != null && (n.constructor === Object || n.constructor == null));
class Kr extends F {
  constructor(t, e) {
    super(), this.shape = { keys: t, values: e };
  }
  check(t, e) {
    return t != null && Ee(t, (s, r) => {
      const i = this.shape.keys.check(r, e);
      return !i && e?.extend(r + "", "Record", typeof t, i ? "Key doesn't match schema" : "Value doesn't match value"), i && this.shape.values.check(s, e);
    });
  }
}
const Yr = (n, t) => new Kr(n, t), Kc = T(Kr);
class Xr extends F {
  constructor(t) {
    super(), this.shape = t;
  }
  check(t, e) {
    return t != null && Ee(this.shape, (s, r) => {
      const i = s.check(t[r], e);
      return !i && e?.extend(r.toString(), "Tuple", typeof s), i;
    });
  }
}
const Yc = (...n) => new Xr(n);
T(Xr);
class Gr extends F {
  constructor(t) {
    super(), this.shape = t.length === 1 ? t[0] : new as(t);
  }
  check(t, e) {
    const s = zt(t) && es(t, (r) => this.shape.check(r));
    return !s && e?.extend(null, "Array", ""), s;
  }
}
const Zr = (...n) => new Gr(n), Xc = T(Gr), Gc = R((n) => zt(n));
class Qr extends F {
  constructor(t, e) {
    super(), this.shape = t, this._c = e;
  }
  check(t, e) {
    const s = t instanceof this.shape && (this._c == null || this._c(t));
    return !s && e?.extend(null, this.shape.name, t?.constructor.name), s;
  }
}
const Zc = (n, t = null) => new Qr(n, t);
T(Qr);
const Qc = Zc(F);
class tl extends F {
  constructor(t) {
    super(), this.len = t.length - 1, this.args = Yc(...t.slice(-1)), this.res = t[this.len];
  }
  check(t, e) {
    const s = t.constructor === Function && t.length <= this.len;
    return !s && e?.extend(null, "function", typeof t), s;
  }
}
const el = T(tl), nl = R((n) => typeof n == "function");
class sl extends F {
  constructor(t) {
    super(), this.shape = t;
  }
  check(t, e) {
    const s = es(this.shape, (r) => r.check(t, e));
    return !s && e?.extend(null, "Intersectinon", typeof t), s;
  }
}
T(sl, (n) => n.shape.length > 0);
class as extends F {
  static _dilutes = !0;
  constructor(t) {
    super(), this.shape = t;
  }
  check(t, e) {
    const s = ns(this.shape, (r) => r.check(t, e));
    return e?.extend(null, "Union", typeof t), s;
  }
}
const te = (...n) => n.findIndex((t) => Je.check(t)) >= 0 ? te(...n.map((t) => ge(t)).map((t) => Je.check(t) ? t.shape : [t]).flat(1)) : n.length === 1 ? n[0] : new as(n), Je = T(as), ti = () => !0, He = R(ti), rl = T(hs, (n) => n.shape === ti), us = R((n) => typeof n == "bigint"), il = R((n) => n === us), ei = R((n) => typeof n == "symbol");
R((n) => n === ei);
const Wt = R((n) => typeof n == "number"), ni = R((n) => n === Wt), Kt = R((n) => typeof n == "string"), si = R((n) => n === Kt), ln = R((n) => typeof n == "boolean"), ol = R((n) => n === ln), ri = on(void 0);
T(rn, (n) => n.shape.length === 1 && n.shape[0] === void 0), on(void 0);
const hn = on(null), cl = T(rn, (n) => n.shape.length === 1 && n.shape[0] === null);
T(Uint8Array), T(ls, (n) => n.shape === Uint8Array);
const ll = te(Wt, Kt, hn, ri, us, ln, ei);
(() => {
  const n = Zr(He), t = Yr(Kt, He), e = te(Wt, Kt, hn, ln, n, t);
  return n.shape = e, t.shape.values = e, e;
})();
const ge = (n) => {
  if (Qc.check(n)) return n;
  if (Hc.check(n)) {
    const t = {};
    for (const e in n) t[e] = ge(n[e]);
    return zc(t);
  } else {
    if (Gc.check(n)) return te(...n.map(ge));
    if (ll.check(n)) return on(n);
    if (nl.check(n)) return T(n);
  }
  M();
}, Ks = Oc ? () => {
} : (n, t) => {
  const e = new jc();
  if (!t.check(n, e)) throw Q(`Expected value to be of type ${t.constructor.name}.
${e.toString()}`);
};
class hl {
  constructor(t) {
    this.patterns = [], this.$state = t;
  }
  if(t, e) {
    return this.patterns.push({ if: ge(t), h: e }), this;
  }
  else(t) {
    return this.if(He, t);
  }
  done() {
    return (t, e) => {
      for (let s = 0; s < this.patterns.length; s++) {
        const r = this.patterns[s];
        if (r.if.check(t)) return r.h(t, e);
      }
      throw Q("Unhandled pattern");
    };
  }
}
const al = (n) => new hl(n), ii = al(He).if(ni, (n, t) => An(t, Fs, qe)).if(si, (n, t) => Bc(t)).if(ol, (n, t) => Hs(t)).if(il, (n, t) => BigInt(An(t, Fs, qe))).if(Je, (n, t) => $t(t, xn(t, n.shape))).if(Jc, (n, t) => {
  const e = {};
  for (const s in n.shape) {
    let r = n.shape[s];
    if (qc.check(r)) {
      if (Hs(t)) continue;
      r = r.shape;
    }
    e[s] = ii(r, t);
  }
  return e;
}).if(Xc, (n, t) => {
  const e = [], s = Wr(t, 0, 42);
  for (let r = 0; r < s; r++) e.push($t(t, n.shape));
  return e;
}).if(zr, (n, t) => xn(t, n.shape)).if(cl, (n, t) => null).if(el, (n, t) => {
  const e = $t(t, n.res);
  return () => e;
}).if(rl, (n, t) => $t(t, xn(t, [Wt, Kt, hn, ri, us, ln, Zr(Wt), Yr(te("a", "b", "c"), Wt)]))).if(Kc, (n, t) => {
  const e = {}, s = An(t, 0, 3);
  for (let r = 0; r < s; r++) {
    const i = $t(t, n.shape.keys), o = $t(t, n.shape.values);
    e[i] = o;
  }
  return e;
}).done(), $t = (n, t) => ii(ge(t), n), an = typeof document < "u" ? document : {};
R((n) => n.nodeType === gl), typeof DOMParser < "u" && new DOMParser(), R((n) => n.nodeType === dl), R((n) => n.nodeType === pl);
const ul = (n) => Lo(n, (t, e) => `${e}:${t};`).join(""), dl = an.ELEMENT_NODE, pl = an.TEXT_NODE, fl = an.DOCUMENT_NODE, gl = an.DOCUMENT_FRAGMENT_NODE;
R((n) => n.nodeType === fl);
const dt = Symbol, oi = dt(), ci = dt(), ml = dt(), yl = dt(), wl = dt(), li = dt(), bl = dt(), ds = dt(), kl = dt(), _l = (n) => {
  n.length === 1 && n[0]?.constructor === Function && (n = n[0]());
  const t = [], e = [];
  let s = 0;
  for (; s < n.length; s++) {
    const r = n[s];
    if (r === void 0) break;
    if (r.constructor === String || r.constructor === Number) t.push(r);
    else if (r.constructor === Object) break;
  }
  for (s > 0 && e.push(t.join("")); s < n.length; s++) {
    const r = n[s];
    r instanceof Symbol || e.push(r);
  }
  return e;
}, vl = { [oi]: ct("font-weight", "bold"), [ci]: ct("font-weight", "normal"), [ml]: ct("color", "blue"), [wl]: ct("color", "green"), [yl]: ct("color", "grey"), [li]: ct("color", "red"), [bl]: ct("color", "purple"), [ds]: ct("color", "orange"), [kl]: ct("color", "black") }, Sl = (n) => {
  n.length === 1 && n[0]?.constructor === Function && (n = n[0]());
  const t = [], e = [], s = O();
  let r = [], i = 0;
  for (; i < n.length; i++) {
    const o = n[i], c = vl[o];
    if (c !== void 0) s.set(c.left, c.right);
    else {
      if (o === void 0) break;
      if (o.constructor === String || o.constructor === Number) {
        const l = ul(s);
        i > 0 || l.length > 0 ? (t.push("%c" + o), e.push(l)) : t.push(o);
      } else break;
    }
  }
  for (i > 0 && (r = e, r.unshift(t.join(""))); i < n.length; i++) {
    const o = n[i];
    o instanceof Symbol || r.push(o);
  }
  return r;
}, hi = Ic ? Sl : _l, qn = (...n) => {
  console.log(...hi(n)), ui.forEach((t) => t.print(n));
}, ai = (...n) => {
  console.warn(...hi(n)), n.unshift(ds), ui.forEach((t) => t.print(n));
}, ui = It(), di = (n) => ({ [Symbol.iterator]() {
  return this;
}, next: n }), El = (n, t) => di(() => {
  let e;
  do
    e = n.next();
  while (!e.done && !t(e.value));
  return e;
}), Dn = (n, t) => di(() => {
  const { done: e, value: s } = n.next();
  return { done: e, value: e ? void 0 : t(s) };
});
class Cl extends Ze {
  constructor(t, e) {
    super(), this.doc = t, this.awareness = e;
  }
}
class un {
  constructor(t, e) {
    this.clock = t, this.len = e;
  }
}
class ee {
  constructor() {
    this.clients = /* @__PURE__ */ new Map();
  }
}
const Lt = (n, t, e) => t.clients.forEach((s, r) => {
  const i = n.doc.store.clients.get(r);
  if (i != null) {
    const o = i[i.length - 1], c = o.id.clock + o.length;
    for (let l = 0, a = s[l]; l < s.length && a.clock < c; a = s[++l]) Ei(n, i, a.clock, a.len, e);
  }
}), Tl = (n, t) => {
  let e = 0, s = n.length - 1;
  for (; e <= s; ) {
    const r = Z((e + s) / 2), i = n[r], o = i.clock;
    if (o <= t) {
      if (t < o + i.len) return r;
      e = r + 1;
    } else s = r - 1;
  }
  return null;
}, Pt = (n, t) => {
  const e = n.clients.get(t.client);
  return e !== void 0 && Tl(e, t.clock) !== null;
}, ps = (n) => {
  n.clients.forEach((t) => {
    t.sort((r, i) => r.clock - i.clock);
    let e, s;
    for (e = 1, s = 1; e < t.length; e++) {
      const r = t[s - 1], i = t[e];
      r.clock + r.len >= i.clock ? t[s - 1] = new un(r.clock, Bt(r.len, i.clock + i.len - r.clock)) : (s < e && (t[s] = i), s++);
    }
    t.length = s;
  });
}, Nt = (n) => {
  const t = new ee();
  for (let e = 0; e < n.length; e++) n[e].clients.forEach((s, r) => {
    if (!t.clients.has(r)) {
      const i = s.slice();
      for (let o = e + 1; o < n.length; o++) Uo(i, n[o].clients.get(r) || []);
      t.clients.set(r, i);
    }
  });
  return ps(t), t;
}, me = (n, t, e, s) => {
  $(n.clients, t, () => []).push(new un(e, s));
}, dn = () => new ee(), pn = (n) => {
  const t = dn();
  return n.clients.forEach((e, s) => {
    const r = [];
    for (let i = 0; i < e.length; i++) {
      const o = e[i];
      if (o.deleted) {
        const c = o.id.clock;
        let l = o.length;
        if (i + 1 < e.length) for (let a = e[i + 1]; i + 1 < e.length && a.deleted; a = e[++i + 1]) l += a.length;
        r.push(new un(c, l));
      }
    }
    r.length > 0 && t.clients.set(s, r);
  }), t;
}, rt = (n, t) => {
  g(n.restEncoder, t.clients.size), at(t.clients.entries()).sort((e, s) => s[0] - e[0]).forEach(([e, s]) => {
    n.resetDsCurVal(), g(n.restEncoder, e);
    const r = s.length;
    g(n.restEncoder, r);
    for (let i = 0; i < r; i++) {
      const o = s[i];
      n.writeDsClock(o.clock), n.writeDsLen(o.len);
    }
  });
}, ut = (n) => {
  const t = new ee(), e = y(n.restDecoder);
  for (let s = 0; s < e; s++) {
    n.resetDsCurVal();
    const r = y(n.restDecoder), i = y(n.restDecoder);
    if (i > 0) {
      const o = $(t.clients, r, () => []);
      for (let c = 0; c < i; c++) o.push(new un(n.readDsClock(), n.readDsLen()));
    }
  }
  return t;
}, Ys = (n, t, e) => {
  const s = new ee(), r = y(n.restDecoder);
  for (let i = 0; i < r; i++) {
    n.resetDsCurVal();
    const o = y(n.restDecoder), c = y(n.restDecoder), l = e.clients.get(o) || [], a = S(e, o);
    for (let h = 0; h < c; h++) {
      const u = n.readDsClock(), d = u + n.readDsLen();
      if (u < a) {
        a < d && me(s, o, a, d - a);
        let p = J(l, u), f = l[p];
        for (!f.deleted && f.id.clock < u && (l.splice(p + 1, 0, Xe(t, f, u - f.id.clock)), p++); p < l.length && (f = l[p++], f.id.clock < d); ) f.deleted || (d < f.id.clock + f.length && l.splice(p, 0, Xe(t, f, d - f.id.clock)), f.delete(t));
      } else me(s, o, u, d - u);
    }
  }
  if (s.clients.size > 0) {
    const i = new tt();
    return g(i.restEncoder, 0), rt(i, s), i.toUint8Array();
  }
  return null;
}, pi = (n, t) => {
  if (n.clients.size !== t.clients.size) return !1;
  for (const [e, s] of n.clients.entries()) {
    const r = t.clients.get(e);
    if (r === void 0 || s.length !== r.length) return !1;
    for (let i = 0; i < s.length; i++) {
      const o = s[i], c = r[i];
      if (o.clock !== c.clock || o.len !== c.len) return !1;
    }
  }
  return !0;
}, fi = $r;
class pt extends Ze {
  constructor({ guid: t = Ec(), collectionid: e = null, gc: s = !0, gcFilter: r = () => !0, meta: i = null, autoLoad: o = !1, shouldLoad: c = !0 } = {}) {
    super(), this.gc = s, this.gcFilter = r, this.clientID = fi(), this.guid = t, this.collectionid = e, this.share = /* @__PURE__ */ new Map(), this.store = new vi(), this._transaction = null, this._transactionCleanups = [], this.subdocs = /* @__PURE__ */ new Set(), this._item = null, this.shouldLoad = c, this.autoLoad = o, this.meta = i, this.isLoaded = !1, this.isSynced = !1, this.isDestroyed = !1, this.whenLoaded = Ht((a) => {
      this.on("load", () => {
        this.isLoaded = !0, a(this);
      });
    });
    const l = () => Ht((a) => {
      const h = (u) => {
        (u === void 0 || u === !0) && (this.off("sync", h), a());
      };
      this.on("sync", h);
    });
    this.on("sync", (a) => {
      a === !1 && this.isSynced && (this.whenSynced = l()), this.isSynced = a === void 0 || a === !0, this.isSynced && !this.isLoaded && this.emit("load", [this]);
    }), this.whenSynced = l();
  }
  load() {
    const t = this._item;
    t !== null && !this.shouldLoad && _(t.parent.doc, (e) => {
      e.subdocsLoaded.add(this);
    }, null, !0), this.shouldLoad = !0;
  }
  getSubdocs() {
    return this.subdocs;
  }
  getSubdocGuids() {
    return new Set(at(this.subdocs).map((t) => t.guid));
  }
  transact(t, e = null) {
    return _(this, t, e);
  }
  get(t, e = A) {
    const s = $(this.share, t, () => {
      const i = new e();
      return i._integrate(this, null), i;
    }), r = s.constructor;
    if (e !== A && r !== e) if (r === A) {
      const i = new e();
      i._map = s._map, s._map.forEach((o) => {
        for (; o !== null; o = o.left) o.parent = i;
      }), i._start = s._start;
      for (let o = i._start; o !== null; o = o.right) o.parent = i;
      return i._length = s._length, this.share.set(t, i), i._integrate(this, null), i;
    } else throw new Error(`Type with the name ${t} has already been defined with a different constructor`);
    return s;
  }
  getArray(t = "") {
    return this.get(t, ht);
  }
  getText(t = "") {
    return this.get(t, Ut);
  }
  getMap(t = "") {
    return this.get(t, vt);
  }
  getXmlElement(t = "") {
    return this.get(t, Et);
  }
  getXmlFragment(t = "") {
    return this.get(t, St);
  }
  toJSON() {
    const t = {};
    return this.share.forEach((e, s) => {
      t[s] = e.toJSON();
    }), t;
  }
  destroy() {
    this.isDestroyed = !0, at(this.subdocs).forEach((e) => e.destroy());
    const t = this._item;
    if (t !== null) {
      this._item = null;
      const e = t.content;
      e.doc = new pt({ guid: this.guid, ...e.opts, shouldLoad: !1 }), e.doc._item = t, _(t.parent.doc, (s) => {
        const r = e.doc;
        t.deleted || s.subdocsAdded.add(r), s.subdocsRemoved.add(this);
      }, null, !0);
    }
    this.emit("destroyed", [!0]), this.emit("destroy", [this]), super.destroy();
  }
}
class ye {
  constructor(t) {
    this.restDecoder = t;
  }
  resetDsCurVal() {
  }
  readDsClock() {
    return y(this.restDecoder);
  }
  readDsLen() {
    return y(this.restDecoder);
  }
}
class Y extends ye {
  readLeftID() {
    return m(y(this.restDecoder), y(this.restDecoder));
  }
  readRightID() {
    return m(y(this.restDecoder), y(this.restDecoder));
  }
  readClient() {
    return y(this.restDecoder);
  }
  readInfo() {
    return Jt(this.restDecoder);
  }
  readString() {
    return kt(this.restDecoder);
  }
  readParentInfo() {
    return y(this.restDecoder) === 1;
  }
  readTypeRef() {
    return y(this.restDecoder);
  }
  readLen() {
    return y(this.restDecoder);
  }
  readAny() {
    return ue(this.restDecoder);
  }
  readBuf() {
    return Nc(q(this.restDecoder));
  }
  readJSON() {
    return JSON.parse(kt(this.restDecoder));
  }
  readKey() {
    return kt(this.restDecoder);
  }
}
class gi {
  constructor(t) {
    this.dsCurrVal = 0, this.restDecoder = t;
  }
  resetDsCurVal() {
    this.dsCurrVal = 0;
  }
  readDsClock() {
    return this.dsCurrVal += y(this.restDecoder), this.dsCurrVal;
  }
  readDsLen() {
    const t = y(this.restDecoder) + 1;
    return this.dsCurrVal += t, t;
  }
}
class z extends gi {
  constructor(t) {
    super(t), this.keys = [], y(t), this.keyClockDecoder = new Tn(q(t)), this.clientDecoder = new Ue(q(t)), this.leftClockDecoder = new Tn(q(t)), this.rightClockDecoder = new Tn(q(t)), this.infoDecoder = new Js(q(t), Jt), this.stringDecoder = new pc(q(t)), this.parentInfoDecoder = new Js(q(t), Jt), this.typeRefDecoder = new Ue(q(t)), this.lenDecoder = new Ue(q(t));
  }
  readLeftID() {
    return new Ot(this.clientDecoder.read(), this.leftClockDecoder.read());
  }
  readRightID() {
    return new Ot(this.clientDecoder.read(), this.rightClockDecoder.read());
  }
  readClient() {
    return this.clientDecoder.read();
  }
  readInfo() {
    return this.infoDecoder.read();
  }
  readString() {
    return this.stringDecoder.read();
  }
  readParentInfo() {
    return this.parentInfoDecoder.read() === 1;
  }
  readTypeRef() {
    return this.typeRefDecoder.read();
  }
  readLen() {
    return this.lenDecoder.read();
  }
  readAny() {
    return ue(this.restDecoder);
  }
  readBuf() {
    return q(this.restDecoder);
  }
  readJSON() {
    return ue(this.restDecoder);
  }
  readKey() {
    const t = this.keyClockDecoder.read();
    if (t < this.keys.length) return this.keys[t];
    {
      const e = this.stringDecoder.read();
      return this.keys.push(e), e;
    }
  }
}
class Yt {
  constructor() {
    this.restEncoder = it();
  }
  toUint8Array() {
    return I(this.restEncoder);
  }
  resetDsCurVal() {
  }
  writeDsClock(t) {
    g(this.restEncoder, t);
  }
  writeDsLen(t) {
    g(this.restEncoder, t);
  }
}
class ft extends Yt {
  writeLeftID(t) {
    g(this.restEncoder, t.client), g(this.restEncoder, t.clock);
  }
  writeRightID(t) {
    g(this.restEncoder, t.client), g(this.restEncoder, t.clock);
  }
  writeClient(t) {
    g(this.restEncoder, t);
  }
  writeInfo(t) {
    he(this.restEncoder, t);
  }
  writeString(t) {
    bt(this.restEncoder, t);
  }
  writeParentInfo(t) {
    g(this.restEncoder, t ? 1 : 0);
  }
  writeTypeRef(t) {
    g(this.restEncoder, t);
  }
  writeLen(t) {
    g(this.restEncoder, t);
  }
  writeAny(t) {
    ae(this.restEncoder, t);
  }
  writeBuf(t) {
    V(this.restEncoder, t);
  }
  writeJSON(t) {
    bt(this.restEncoder, JSON.stringify(t));
  }
  writeKey(t) {
    bt(this.restEncoder, t);
  }
}
class fn {
  constructor() {
    this.restEncoder = it(), this.dsCurrVal = 0;
  }
  toUint8Array() {
    return I(this.restEncoder);
  }
  resetDsCurVal() {
    this.dsCurrVal = 0;
  }
  writeDsClock(t) {
    const e = t - this.dsCurrVal;
    this.dsCurrVal = t, g(this.restEncoder, e);
  }
  writeDsLen(t) {
    t === 0 && M(), g(this.restEncoder, t - 1), this.dsCurrVal += t;
  }
}
class tt extends fn {
  constructor() {
    super(), this.keyMap = /* @__PURE__ */ new Map(), this.keyClock = 0, this.keyClockEncoder = new Cn(), this.clientEncoder = new Ne(), this.leftClockEncoder = new Cn(), this.rightClockEncoder = new Cn(), this.infoEncoder = new qs(he), this.stringEncoder = new sc(), this.parentInfoEncoder = new qs(he), this.typeRefEncoder = new Ne(), this.lenEncoder = new Ne();
  }
  toUint8Array() {
    const t = it();
    return g(t, 0), V(t, this.keyClockEncoder.toUint8Array()), V(t, this.clientEncoder.toUint8Array()), V(t, this.leftClockEncoder.toUint8Array()), V(t, this.rightClockEncoder.toUint8Array()), V(t, I(this.infoEncoder)), V(t, this.stringEncoder.toUint8Array()), V(t, I(this.parentInfoEncoder)), V(t, this.typeRefEncoder.toUint8Array()), V(t, this.lenEncoder.toUint8Array()), Qt(t, I(this.restEncoder)), I(t);
  }
  writeLeftID(t) {
    this.clientEncoder.write(t.client), this.leftClockEncoder.write(t.clock);
  }
  writeRightID(t) {
    this.clientEncoder.write(t.client), this.rightClockEncoder.write(t.clock);
  }
  writeClient(t) {
    this.clientEncoder.write(t);
  }
  writeInfo(t) {
    this.infoEncoder.write(t);
  }
  writeString(t) {
    this.stringEncoder.write(t);
  }
  writeParentInfo(t) {
    this.parentInfoEncoder.write(t ? 1 : 0);
  }
  writeTypeRef(t) {
    this.typeRefEncoder.write(t);
  }
  writeLen(t) {
    this.lenEncoder.write(t);
  }
  writeAny(t) {
    ae(this.restEncoder, t);
  }
  writeBuf(t) {
    V(this.restEncoder, t);
  }
  writeJSON(t) {
    ae(this.restEncoder, t);
  }
  writeKey(t) {
    const e = this.keyMap.get(t);
    e === void 0 ? (this.keyClockEncoder.write(this.keyClock++), this.stringEncoder.write(t)) : this.keyClockEncoder.write(e);
  }
}
const Al = (n, t, e, s) => {
  s = Bt(s, t[0].id.clock);
  const r = J(t, s);
  g(n.restEncoder, t.length - r), n.writeClient(e), g(n.restEncoder, s);
  const i = t[r];
  i.write(n, s - i.id.clock);
  for (let o = r + 1; o < t.length; o++) t[o].write(n, 0);
}, fs = (n, t, e) => {
  const s = /* @__PURE__ */ new Map();
  e.forEach((r, i) => {
    S(t, i) > r && s.set(i, r);
  }), Te(t).forEach((r, i) => {
    e.has(i) || s.set(i, 0);
  }), g(n.restEncoder, s.size), at(s.entries()).sort((r, i) => i[0] - r[0]).forEach(([r, i]) => {
    Al(n, t.clients.get(r), r, i);
  });
}, xl = (n, t) => {
  const e = O(), s = y(n.restDecoder);
  for (let r = 0; r < s; r++) {
    const i = y(n.restDecoder), o = new Array(i), c = n.readClient();
    let l = y(n.restDecoder);
    e.set(c, { i: 0, refs: o });
    for (let a = 0; a < i; a++) {
      const h = n.readInfo();
      switch (Qe & h) {
        case 0: {
          const u = n.readLen();
          o[a] = new B(m(c, l), u), l += u;
          break;
        }
        case 10: {
          const u = y(n.restDecoder);
          o[a] = new P(m(c, l), u), l += u;
          break;
        }
        default: {
          const u = (h & (lt | W)) === 0, d = new k(m(c, l), null, (h & W) === W ? n.readLeftID() : null, null, (h & lt) === lt ? n.readRightID() : null, u ? n.readParentInfo() ? t.get(n.readString()) : n.readLeftID() : null, u && (h & ce) === ce ? n.readString() : null, oo(n, h));
          o[a] = d, l += d.length;
        }
      }
    }
  }
  return e;
}, Dl = (n, t, e) => {
  const s = [];
  let r = at(e.keys()).sort((p, f) => p - f);
  if (r.length === 0) return null;
  const i = () => {
    if (r.length === 0) return null;
    let p = e.get(r[r.length - 1]);
    for (; p.refs.length === p.i; ) if (r.pop(), r.length > 0) p = e.get(r[r.length - 1]);
    else return null;
    return p;
  };
  let o = i();
  if (o === null) return null;
  const c = new vi(), l = /* @__PURE__ */ new Map(), a = (p, f) => {
    const w = l.get(p);
    (w == null || w > f) && l.set(p, f);
  };
  let h = o.refs[o.i++];
  const u = /* @__PURE__ */ new Map(), d = () => {
    for (const p of s) {
      const f = p.id.client, w = e.get(f);
      w ? (w.i--, c.clients.set(f, w.refs.slice(w.i)), e.delete(f), w.i = 0, w.refs = []) : c.clients.set(f, [p]), r = r.filter((E) => E !== f);
    }
    s.length = 0;
  };
  for (; ; ) {
    if (h.constructor !== P) {
      const p = $(u, h.id.client, () => S(t, h.id.client)) - h.id.clock;
      if (p < 0) s.push(h), a(h.id.client, h.id.clock - 1), d();
      else {
        const f = h.getMissing(n, t);
        if (f !== null) {
          s.push(h);
          const w = e.get(f) || { refs: [], i: 0 };
          if (w.refs.length === w.i) a(f, S(t, f)), d();
          else {
            h = w.refs[w.i++];
            continue;
          }
        } else (p === 0 || p < h.length) && (h.integrate(n, p), u.set(h.id.client, h.id.clock + h.length));
      }
    }
    if (s.length > 0) h = s.pop();
    else if (o !== null && o.i < o.refs.length) h = o.refs[o.i++];
    else {
      if (o = i(), o === null) break;
      h = o.refs[o.i++];
    }
  }
  if (c.clients.size > 0) {
    const p = new tt();
    return fs(p, c, /* @__PURE__ */ new Map()), g(p.restEncoder, 0), { missing: l, update: p.toUint8Array() };
  }
  return null;
}, Ol = (n, t) => fs(n, t.doc.store, t.beforeState), gs = (n, t, e, s = new z(n)) => _(t, (r) => {
  r.local = !1;
  let i = !1;
  const o = r.doc, c = o.store, l = xl(s, o), a = Dl(r, c, l), h = c.pendingStructs;
  if (h) {
    for (const [d, p] of h.missing) if (p < S(c, d)) {
      i = !0;
      break;
    }
    if (a) {
      for (const [d, p] of a.missing) {
        const f = h.missing.get(d);
        (f == null || f > p) && h.missing.set(d, p);
      }
      h.update = be([h.update, a.update]);
    }
  } else c.pendingStructs = a;
  const u = Ys(s, r, c);
  if (c.pendingDs) {
    const d = new z(N(c.pendingDs));
    y(d.restDecoder);
    const p = Ys(d, r, c);
    u && p ? c.pendingDs = be([u, p]) : c.pendingDs = u || p;
  } else c.pendingDs = u;
  if (i) {
    const d = c.pendingStructs.update;
    c.pendingStructs = null, gn(r.doc, d);
  }
}, e, !1), Rl = (n, t, e) => gs(n, t, e, new Y(n)), gn = (n, t, e, s = z) => {
  const r = N(t);
  gs(r, n, e, new s(r));
}, Xt = (n, t, e) => gn(n, t, e, Y), Il = (n, t, e = /* @__PURE__ */ new Map()) => {
  fs(n, t.store, e), rt(n, pn(t.store));
}, mi = (n, t = new Uint8Array([0]), e = new tt()) => {
  const s = Ce(t);
  Il(e, n, s);
  const r = [e.toUint8Array()];
  if (n.store.pendingDs && r.push(n.store.pendingDs), n.store.pendingStructs && r.push(Ss(n.store.pendingStructs.update, t)), r.length > 1) {
    if (e.constructor === ft) return vs(r.map((i, o) => o === 0 ? i : Mi(i)));
    if (e.constructor === tt) return be(r);
  }
  return r[0];
}, mn = (n, t) => mi(n, t, new ft()), yi = (n) => {
  const t = /* @__PURE__ */ new Map(), e = y(n.restDecoder);
  for (let s = 0; s < e; s++) {
    const r = y(n.restDecoder), i = y(n.restDecoder);
    t.set(r, i);
  }
  return t;
}, Ce = (n) => yi(new ye(N(n))), ms = (n, t) => (g(n.restEncoder, t.size), at(t.entries()).sort((e, s) => s[0] - e[0]).forEach(([e, s]) => {
  g(n.restEncoder, e), g(n.restEncoder, s);
}), n), Ll = (n, t) => ms(n, Te(t.store)), Nl = (n, t = new fn()) => (n instanceof Map ? ms(t, n) : Ll(t, n), t.toUint8Array()), Gt = (n) => Nl(n, new Yt());
class Ul {
  constructor() {
    this.l = [];
  }
}
const Xs = () => new Ul(), Gs = (n, t) => n.l.push(t), Zs = (n, t) => {
  const e = n.l, s = e.length;
  n.l = e.filter((r) => t !== r), s === n.l.length && console.error("[yjs] Tried to remove event handler that doesn't exist.");
}, wi = (n, t, e) => os(n.l, [t, e]);
class Ot {
  constructor(t, e) {
    this.client = t, this.clock = e;
  }
}
const xt = (n, t) => n === t || n !== null && t !== null && n.client === t.client && n.clock === t.clock, m = (n, t) => new Ot(n, t), Qs = (n, t) => {
  g(n, t.client), g(n, t.clock);
}, tr = (n) => m(y(n), y(n)), ys = (n) => {
  for (const [t, e] of n.doc.share.entries()) if (e === n) return t;
  throw M();
}, we = (n, t) => {
  for (; t !== null; ) {
    if (t.parent === n) return !0;
    t = t.parent._item;
  }
  return !1;
}, Ml = (n) => {
  const t = [];
  let e = n._start;
  for (; e; ) t.push(e), e = e.right;
  console.log("Children: ", t), console.log("Children content: ", t.filter((s) => !s.deleted).map((s) => s.content));
};
class Bl {
  constructor(t, e = t.getMap("users")) {
    const s = /* @__PURE__ */ new Map();
    this.yusers = e, this.doc = t, this.clients = /* @__PURE__ */ new Map(), this.dss = s;
    const r = (i, o) => {
      const c = i.get("ds"), l = i.get("ids"), a = (h) => this.clients.set(h, o);
      c.observe((h) => {
        h.changes.added.forEach((u) => {
          u.content.getContent().forEach((d) => {
            d instanceof Uint8Array && this.dss.set(o, Nt([this.dss.get(o) || dn(), ut(new ye(N(d)))]));
          });
        });
      }), this.dss.set(o, Nt(c.map((h) => ut(new ye(N(h)))))), l.observe((h) => h.changes.added.forEach((u) => u.content.getContent().forEach(a))), l.forEach(a);
    };
    e.observe((i) => {
      i.keysChanged.forEach((o) => r(e.get(o), o));
    }), e.forEach(r);
  }
  setUserMapping(t, e, s, { filter: r = () => !0 } = {}) {
    const i = this.yusers;
    let o = i.get(s);
    o || (o = new vt(), o.set("ids", new ht()), o.set("ds", new ht()), i.set(s, o)), o.get("ids").push([e]), i.observe((c) => {
      setTimeout(() => {
        const l = i.get(s);
        if (l !== o) {
          o = l, this.clients.forEach((u, d) => {
            s === u && o.get("ids").push([d]);
          });
          const a = new Yt(), h = this.dss.get(s);
          h && (rt(a, h), o.get("ds").push([a.toUint8Array()]));
        }
      }, 0);
    }), t.on("afterTransaction", (c) => {
      setTimeout(() => {
        const l = o.get("ds"), a = c.deleteSet;
        if (c.local && a.clients.size > 0 && r(c, a)) {
          const h = new Yt();
          rt(h, a), l.push([h.toUint8Array()]);
        }
      });
    });
  }
  getUserByClientId(t) {
    return this.clients.get(t) || null;
  }
  getUserByDeletedId(t) {
    for (const [e, s] of this.dss.entries()) if (Pt(s, t)) return e;
    return null;
  }
}
class yn {
  constructor(t, e, s, r = 0) {
    this.type = t, this.tname = e, this.item = s, this.assoc = r;
  }
}
const Pl = (n) => {
  const t = {};
  return n.type && (t.type = n.type), n.tname && (t.tname = n.tname), n.item && (t.item = n.item), n.assoc != null && (t.assoc = n.assoc), t;
}, jl = (n) => new yn(n.type == null ? null : m(n.type.client, n.type.clock), n.tname ?? null, n.item == null ? null : m(n.item.client, n.item.clock), n.assoc == null ? 0 : n.assoc);
class bi {
  constructor(t, e, s = 0) {
    this.type = t, this.index = e, this.assoc = s;
  }
}
const Fl = (n, t, e = 0) => new bi(n, t, e), xe = (n, t, e) => {
  let s = null, r = null;
  return n._item === null ? r = ys(n) : s = m(n._item.id.client, n._item.id.clock), new yn(s, r, t, e);
}, $l = (n, t, e = 0) => {
  let s = n._start;
  if (e < 0) {
    if (t === 0) return xe(n, null, e);
    t--;
  }
  for (; s !== null; ) {
    if (!s.deleted && s.countable) {
      if (s.length > t) return xe(n, m(s.id.client, s.id.clock + t), e);
      t -= s.length;
    }
    if (s.right === null && e < 0) return xe(n, s.lastId, e);
    s = s.right;
  }
  return xe(n, null, e);
}, Vl = (n, t) => {
  const { type: e, tname: s, item: r, assoc: i } = t;
  if (r !== null) g(n, 0), Qs(n, r);
  else if (s !== null) he(n, 1), bt(n, s);
  else if (e !== null) he(n, 2), Qs(n, e);
  else throw M();
  return tn(n, i), n;
}, ql = (n) => {
  const t = it();
  return Vl(t, n), I(t);
}, Wl = (n) => {
  let t = null, e = null, s = null;
  switch (y(n)) {
    case 0:
      s = tr(n);
      break;
    case 1:
      e = kt(n);
      break;
    case 2:
      t = tr(n);
  }
  const r = Br(n) ? sn(n) : 0;
  return new yn(t, e, s, r);
}, zl = (n) => Wl(N(n)), Jl = (n, t) => {
  const e = Rt(n, t), s = t.clock - e.id.clock;
  return { item: e, diff: s };
}, Hl = (n, t, e = !0) => {
  const s = t.store, r = n.item, i = n.type, o = n.tname, c = n.assoc;
  let l = null, a = 0;
  if (r !== null) {
    if (S(s, r.client) <= r.clock) return null;
    const h = e ? Kn(s, r) : Jl(s, r), u = h.item;
    if (!(u instanceof k)) return null;
    if (l = u.parent, l._item === null || !l._item.deleted) {
      a = u.deleted || !u.countable ? 0 : h.diff + (c >= 0 ? 0 : 1);
      let d = u.left;
      for (; d !== null; ) !d.deleted && d.countable && (a += d.length), d = d.left;
    }
  } else {
    if (o !== null) l = t.get(o);
    else if (i !== null) {
      if (S(s, i.client) <= i.clock) return null;
      const { item: h } = e ? Kn(s, i) : { item: Rt(s, i) };
      if (h instanceof k && h.content instanceof X) l = h.content.type;
      else return null;
    } else throw M();
    c >= 0 ? a = l._length : a = 0;
  }
  return Fl(l, a, n.assoc);
}, Kl = (n, t) => n === t || n !== null && t !== null && n.tname === t.tname && xt(n.item, t.item) && xt(n.type, t.type) && n.assoc === t.assoc;
class ws {
  constructor(t, e) {
    this.ds = t, this.sv = e;
  }
}
const Yl = (n, t) => {
  const e = n.ds.clients, s = t.ds.clients, r = n.sv, i = t.sv;
  if (r.size !== i.size || e.size !== s.size) return !1;
  for (const [o, c] of r.entries()) if (i.get(o) !== c) return !1;
  for (const [o, c] of e.entries()) {
    const l = s.get(o) || [];
    if (c.length !== l.length) return !1;
    for (let a = 0; a < c.length; a++) {
      const h = c[a], u = l[a];
      if (h.clock !== u.clock || h.len !== u.len) return !1;
    }
  }
  return !0;
}, ki = (n, t = new fn()) => (rt(t, n.ds), ms(t, n.sv), t.toUint8Array()), Xl = (n) => ki(n, new Yt()), _i = (n, t = new gi(N(n))) => new ws(ut(t), yi(t)), Gl = (n) => _i(n, new ye(N(n))), bs = (n, t) => new ws(n, t), Zl = bs(dn(), /* @__PURE__ */ new Map()), Ql = (n) => bs(pn(n.store), Te(n.store)), gt = (n, t) => t === void 0 ? !n.deleted : t.sv.has(n.id.client) && (t.sv.get(n.id.client) || 0) > n.id.clock && !Pt(t.ds, n.id), Wn = (n, t) => {
  const e = $(n.meta, Wn, It), s = n.doc.store;
  e.has(t) || (t.sv.forEach((r, i) => {
    r < S(s, i) && U(n, m(i, r));
  }), Lt(n, t.ds, (r) => {
  }), e.add(t));
}, th = (n, t, e = new pt()) => {
  if (n.gc) throw new Error("Garbage-collection must be disabled in `originDoc`!");
  const { sv: s, ds: r } = t, i = new tt();
  return n.transact((o) => {
    let c = 0;
    s.forEach((l) => {
      l > 0 && c++;
    }), g(i.restEncoder, c);
    for (const [l, a] of s) {
      if (a === 0) continue;
      a < S(n.store, l) && U(o, m(l, a));
      const h = n.store.clients.get(l) || [], u = J(h, a - 1);
      g(i.restEncoder, u + 1), i.writeClient(l), g(i.restEncoder, 0);
      for (let d = 0; d <= u; d++) h[d].write(i, 0);
    }
    rt(i, r);
  }), gn(e, i.toUint8Array(), "snapshot"), e;
}, eh = (n, t, e = z) => {
  const s = new e(N(t)), r = new Tt(s, !1);
  for (let o = r.curr; o !== null; o = r.next()) if ((n.sv.get(o.id.client) || 0) < o.id.clock + o.length) return !1;
  const i = Nt([n.ds, ut(s)]);
  return pi(n.ds, i);
}, nh = (n, t) => eh(n, t, Y);
class vi {
  constructor() {
    this.clients = /* @__PURE__ */ new Map(), this.pendingStructs = null, this.pendingDs = null;
  }
}
const Te = (n) => {
  const t = /* @__PURE__ */ new Map();
  return n.clients.forEach((e, s) => {
    const r = e[e.length - 1];
    t.set(s, r.id.clock + r.length);
  }), t;
}, S = (n, t) => {
  const e = n.clients.get(t);
  if (e === void 0) return 0;
  const s = e[e.length - 1];
  return s.id.clock + s.length;
}, Si = (n, t) => {
  let e = n.clients.get(t.id.client);
  if (e === void 0) e = [], n.clients.set(t.id.client, e);
  else {
    const s = e[e.length - 1];
    if (s.id.clock + s.length !== t.id.clock) throw M();
  }
  e.push(t);
}, J = (n, t) => {
  let e = 0, s = n.length - 1, r = n[s], i = r.id.clock;
  if (i === t) return s;
  let o = Z(t / (i + r.length - 1) * s);
  for (; e <= s; ) {
    if (r = n[o], i = r.id.clock, i <= t) {
      if (t < i + r.length) return o;
      e = o + 1;
    } else s = o - 1;
    o = Z((e + s) / 2);
  }
  throw M();
}, sh = (n, t) => {
  const e = n.clients.get(t.client);
  return e[J(e, t.clock)];
}, Rt = sh, zn = (n, t, e) => {
  const s = J(t, e), r = t[s];
  return r.id.clock < e && r instanceof k ? (t.splice(s + 1, 0, Xe(n, r, e - r.id.clock)), s + 1) : s;
}, U = (n, t) => {
  const e = n.doc.store.clients.get(t.client);
  return e[zn(n, e, t.clock)];
}, Jn = (n, t, e) => {
  const s = t.clients.get(e.client), r = J(s, e.clock), i = s[r];
  return e.clock !== i.id.clock + i.length - 1 && i.constructor !== B && s.splice(r + 1, 0, Xe(n, i, e.clock - i.id.clock + 1)), i;
}, rh = (n, t, e) => {
  const s = n.clients.get(t.id.client);
  s[J(s, t.id.clock)] = e;
}, Ei = (n, t, e, s, r) => {
  if (s === 0) return;
  const i = e + s;
  let o = zn(n, t, e), c;
  do
    c = t[o++], i < c.id.clock + c.length && zn(n, t, i), r(c);
  while (o < t.length && t[o].id.clock < i);
};
class Ci {
  constructor(t, e, s) {
    this.doc = t, this.deleteSet = new ee(), this.beforeState = Te(t.store), this.afterState = /* @__PURE__ */ new Map(), this.changed = /* @__PURE__ */ new Map(), this.changedParentTypes = /* @__PURE__ */ new Map(), this._mergeStructs = [], this.origin = e, this.meta = /* @__PURE__ */ new Map(), this.local = s, this.subdocsAdded = /* @__PURE__ */ new Set(), this.subdocsRemoved = /* @__PURE__ */ new Set(), this.subdocsLoaded = /* @__PURE__ */ new Set(), this._needFormattingCleanup = !1;
  }
}
const er = (n, t) => t.deleteSet.clients.size === 0 && !No(t.afterState, (e, s) => t.beforeState.get(s) !== e) ? !1 : (ps(t.deleteSet), Ol(n, t), rt(n, t.deleteSet), !0), nr = (n, t, e) => {
  const s = t._item;
  (s === null || s.id.clock < (n.beforeState.get(s.id.client) || 0) && !s.deleted) && $(n.changed, t, It).add(e);
}, Me = (n, t) => {
  let e = n[t], s = n[t - 1], r = t;
  for (; r > 0; e = s, s = n[--r - 1]) {
    if (s.deleted === e.deleted && s.constructor === e.constructor && s.mergeWith(e)) {
      e instanceof k && e.parentSub !== null && e.parent._map.get(e.parentSub) === e && e.parent._map.set(e.parentSub, s);
      continue;
    }
    break;
  }
  const i = t - r;
  return i && n.splice(t + 1 - i, i), i;
}, Ti = (n, t, e) => {
  for (const [s, r] of n.clients.entries()) {
    const i = t.clients.get(s);
    for (let o = r.length - 1; o >= 0; o--) {
      const c = r[o], l = c.clock + c.len;
      for (let a = J(i, c.clock), h = i[a]; a < i.length && h.id.clock < l; h = i[++a]) {
        const u = i[a];
        if (c.clock + c.len <= u.id.clock) break;
        u instanceof k && u.deleted && !u.keep && e(u) && u.gc(t, !1);
      }
    }
  }
}, Ai = (n, t) => {
  n.clients.forEach((e, s) => {
    const r = t.clients.get(s);
    for (let i = e.length - 1; i >= 0; i--) {
      const o = e[i], c = Lr(r.length - 1, 1 + J(r, o.clock + o.len - 1));
      for (let l = c, a = r[l]; l > 0 && a.id.clock >= o.clock; a = r[l]) l -= 1 + Me(r, l);
    }
  });
}, ih = (n, t, e) => {
  Ti(n, t, e), Ai(n, t);
}, xi = (n, t) => {
  if (t < n.length) {
    const e = n[t], s = e.doc, r = s.store, i = e.deleteSet, o = e._mergeStructs;
    try {
      ps(i), e.afterState = Te(e.doc.store), s.emit("beforeObserverCalls", [e, s]);
      const c = [];
      e.changed.forEach((l, a) => c.push(() => {
        (a._item === null || !a._item.deleted) && a._callObserver(e, l);
      })), c.push(() => {
        e.changedParentTypes.forEach((l, a) => {
          a._dEH.l.length > 0 && (a._item === null || !a._item.deleted) && c.push(() => {
            l = l.filter((h) => h.target._item === null || !h.target._item.deleted), l.forEach((h) => {
              h.currentTarget = a, h._path = null;
            }), l.sort((h, u) => h.path.length - u.path.length), wi(a._dEH, l, e);
          });
        }), c.push(() => s.emit("afterTransaction", [e, s])), c.push(() => {
          e._needFormattingCleanup && xh(e);
        });
      }), os(c, []);
    } finally {
      s.gc && Ti(i, r, s.gcFilter), Ai(i, r), e.afterState.forEach((h, u) => {
        const d = e.beforeState.get(u) || 0;
        if (d !== h) {
          const p = r.clients.get(u), f = Bt(J(p, d), 1);
          for (let w = p.length - 1; w >= f; ) w -= 1 + Me(p, w);
        }
      });
      for (let h = o.length - 1; h >= 0; h--) {
        const { client: u, clock: d } = o[h].id, p = r.clients.get(u), f = J(p, d);
        f + 1 < p.length && Me(p, f + 1) > 1 || f > 0 && Me(p, f);
      }
      if (!e.local && e.afterState.get(s.clientID) !== e.beforeState.get(s.clientID) && (qn(ds, oi, "[yjs] ", ci, li, "Changed the client-id because another client seems to be using it."), s.clientID = fi()), s.emit("afterTransactionCleanup", [e, s]), s._observers.has("update")) {
        const h = new ft();
        er(h, e) && s.emit("update", [h.toUint8Array(), e.origin, s, e]);
      }
      if (s._observers.has("updateV2")) {
        const h = new tt();
        er(h, e) && s.emit("updateV2", [h.toUint8Array(), e.origin, s, e]);
      }
      const { subdocsAdded: c, subdocsLoaded: l, subdocsRemoved: a } = e;
      (c.size > 0 || a.size > 0 || l.size > 0) && (c.forEach((h) => {
        h.clientID = s.clientID, h.collectionid == null && (h.collectionid = s.collectionid), s.subdocs.add(h);
      }), a.forEach((h) => s.subdocs.delete(h)), s.emit("subdocs", [{ loaded: l, added: c, removed: a }, s, e]), a.forEach((h) => h.destroy())), n.length <= t + 1 ? (s._transactionCleanups = [], s.emit("afterAllTransactions", [s, n])) : xi(n, t + 1);
    }
  }
}, _ = (n, t, e = null, s = !0) => {
  const r = n._transactionCleanups;
  let i = !1, o = null;
  n._transaction === null && (i = !0, n._transaction = new Ci(n, e, s), r.push(n._transaction), r.length === 1 && n.emit("beforeAllTransactions", [n]), n.emit("beforeTransaction", [n._transaction, n]));
  try {
    o = t(n._transaction);
  } finally {
    if (i) {
      const c = n._transaction === r[0];
      n._transaction = null, c && xi(r, 0);
    }
  }
  return o;
};
class oh {
  constructor(t, e) {
    this.insertions = e, this.deletions = t, this.meta = /* @__PURE__ */ new Map();
  }
}
const sr = (n, t, e) => {
  Lt(n, e.deletions, (s) => {
    s instanceof k && t.scope.some((r) => r === n.doc || we(r, s)) && xs(s, !1);
  });
}, rr = (n, t, e) => {
  let s = null;
  const r = n.doc, i = n.scope;
  _(r, (c) => {
    for (; t.length > 0 && n.currStackItem === null; ) {
      const l = r.store, a = t.pop(), h = /* @__PURE__ */ new Set(), u = [];
      let d = !1;
      Lt(c, a.insertions, (p) => {
        if (p instanceof k) {
          if (p.redone !== null) {
            let { item: f, diff: w } = Kn(l, p.id);
            w > 0 && (f = U(c, m(f.id.client, f.id.clock + w))), p = f;
          }
          !p.deleted && i.some((f) => f === c.doc || we(f, p)) && u.push(p);
        }
      }), Lt(c, a.deletions, (p) => {
        p instanceof k && i.some((f) => f === c.doc || we(f, p)) && !Pt(a.insertions, p.id) && h.add(p);
      }), h.forEach((p) => {
        d = io(c, p, h, a.insertions, n.ignoreRemoteMapChanges, n) !== null || d;
      });
      for (let p = u.length - 1; p >= 0; p--) {
        const f = u[p];
        n.deleteFilter(f) && (f.delete(c), d = !0);
      }
      n.currStackItem = d ? a : null;
    }
    c.changed.forEach((l, a) => {
      l.has(null) && a._searchMarker && (a._searchMarker.length = 0);
    }), s = c;
  }, n);
  const o = n.currStackItem;
  if (o != null) {
    const c = s.changedParentTypes;
    n.emit("stack-item-popped", [{ stackItem: o, type: e, changedParentTypes: c, origin: n }, n]), n.currStackItem = null;
  }
  return o;
};
class ch extends Ze {
  constructor(t, { captureTimeout: e = 500, captureTransaction: s = (l) => !0, deleteFilter: r = () => !0, trackedOrigins: i = /* @__PURE__ */ new Set([null]), ignoreRemoteMapChanges: o = !1, doc: c = zt(t) ? t[0].doc : t instanceof pt ? t : t.doc } = {}) {
    super(), this.scope = [], this.doc = c, this.addToScope(t), this.deleteFilter = r, i.add(this), this.trackedOrigins = i, this.captureTransaction = s, this.undoStack = [], this.redoStack = [], this.undoing = !1, this.redoing = !1, this.currStackItem = null, this.lastChange = 0, this.ignoreRemoteMapChanges = o, this.captureTimeout = e, this.afterTransactionHandler = (l) => {
      if (!this.captureTransaction(l) || !this.scope.some((E) => l.changedParentTypes.has(E) || E === this.doc) || !this.trackedOrigins.has(l.origin) && (!l.origin || !this.trackedOrigins.has(l.origin.constructor))) return;
      const a = this.undoing, h = this.redoing, u = a ? this.redoStack : this.undoStack;
      a ? this.stopCapturing() : h || this.clear(!1, !0);
      const d = new ee();
      l.afterState.forEach((E, v) => {
        const Ms = l.beforeState.get(v) || 0, Bs = E - Ms;
        Bs > 0 && me(d, v, Ms, Bs);
      });
      const p = de();
      let f = !1;
      if (this.lastChange > 0 && p - this.lastChange < this.captureTimeout && u.length > 0 && !a && !h) {
        const E = u[u.length - 1];
        E.deletions = Nt([E.deletions, l.deleteSet]), E.insertions = Nt([E.insertions, d]);
      } else u.push(new oh(l.deleteSet, d)), f = !0;
      !a && !h && (this.lastChange = p), Lt(l, l.deleteSet, (E) => {
        E instanceof k && this.scope.some((v) => v === l.doc || we(v, E)) && xs(E, !0);
      });
      const w = [{ stackItem: u[u.length - 1], origin: l.origin, type: a ? "redo" : "undo", changedParentTypes: l.changedParentTypes }, this];
      f ? this.emit("stack-item-added", w) : this.emit("stack-item-updated", w);
    }, this.destroy = this.destroy.bind(this), this.doc.on("afterTransaction", this.afterTransactionHandler), this.doc.on("destroy", this.destroy);
  }
  addToScope(t) {
    const e = new Set(this.scope);
    t = zt(t) ? t : [t], t.forEach((s) => {
      e.has(s) || (e.add(s), (s instanceof A ? s.doc !== this.doc : s !== this.doc) && ai("[yjs#509] Not same Y.Doc"), this.scope.push(s));
    });
  }
  addTrackedOrigin(t) {
    this.trackedOrigins.add(t);
  }
  removeTrackedOrigin(t) {
    this.trackedOrigins.delete(t);
  }
  clear(t = !0, e = !0) {
    (t && this.canUndo() || e && this.canRedo()) && this.doc.transact((s) => {
      t && (this.undoStack.forEach((r) => sr(s, this, r)), this.undoStack = []), e && (this.redoStack.forEach((r) => sr(s, this, r)), this.redoStack = []), this.emit("stack-cleared", [{ undoStackCleared: t, redoStackCleared: e }]);
    });
  }
  stopCapturing() {
    this.lastChange = 0;
  }
  undo() {
    this.undoing = !0;
    let t;
    try {
      t = rr(this, this.undoStack, "undo");
    } finally {
      this.undoing = !1;
    }
    return t;
  }
  redo() {
    this.redoing = !0;
    let t;
    try {
      t = rr(this, this.redoStack, "redo");
    } finally {
      this.redoing = !1;
    }
    return t;
  }
  canUndo() {
    return this.undoStack.length > 0;
  }
  canRedo() {
    return this.redoStack.length > 0;
  }
  destroy() {
    this.trackedOrigins.delete(this), this.doc.off("afterTransaction", this.afterTransactionHandler), this.doc.off("destroy", this.destroy), super.destroy();
  }
}
function* lh(n) {
  const t = y(n.restDecoder);
  for (let e = 0; e < t; e++) {
    const s = y(n.restDecoder), r = n.readClient();
    let i = y(n.restDecoder);
    for (let o = 0; o < s; o++) {
      const c = n.readInfo();
      if (c === 10) {
        const l = y(n.restDecoder);
        yield new P(m(r, i), l), i += l;
      } else if ((Qe & c) !== 0) {
        const l = (c & (lt | W)) === 0, a = new k(m(r, i), null, (c & W) === W ? n.readLeftID() : null, null, (c & lt) === lt ? n.readRightID() : null, l ? n.readParentInfo() ? n.readString() : n.readLeftID() : null, l && (c & ce) === ce ? n.readString() : null, oo(n, c));
        yield a, i += a.length;
      } else {
        const l = n.readLen();
        yield new B(m(r, i), l), i += l;
      }
    }
  }
}
class Tt {
  constructor(t, e) {
    this.gen = lh(t), this.curr = null, this.done = !1, this.filterSkips = e, this.next();
  }
  next() {
    do
      this.curr = this.gen.next().value || null;
    while (this.filterSkips && this.curr !== null && this.curr.constructor === P);
    return this.curr;
  }
}
const hh = (n) => Di(n, Y), Di = (n, t = z) => {
  const e = [], s = new t(N(n)), r = new Tt(s, !1);
  for (let o = r.curr; o !== null; o = r.next()) e.push(o);
  qn("Structs: ", e);
  const i = ut(s);
  qn("DeleteSet: ", i);
}, ks = (n) => Oi(n, Y), Oi = (n, t = z) => {
  const e = [], s = new t(N(n)), r = new Tt(s, !1);
  for (let i = r.curr; i !== null; i = r.next()) e.push(i);
  return { structs: e, ds: ut(s) };
};
class _s {
  constructor(t) {
    this.currClient = 0, this.startClock = 0, this.written = 0, this.encoder = t, this.clientStructs = [];
  }
}
const vs = (n) => be(n, Y, ft), Ri = (n, t = fn, e = z) => {
  const s = new t(), r = new Tt(new e(N(n)), !1);
  let i = r.curr;
  if (i !== null) {
    let o = 0, c = i.id.client, l = i.id.clock !== 0, a = l ? 0 : i.id.clock + i.length;
    for (; i !== null; i = r.next()) c !== i.id.client && (a !== 0 && (o++, g(s.restEncoder, c), g(s.restEncoder, a)), c = i.id.client, a = 0, l = i.id.clock !== 0), i.constructor === P && (l = !0), l || (a = i.id.clock + i.length);
    a !== 0 && (o++, g(s.restEncoder, c), g(s.restEncoder, a));
    const h = it();
    return g(h, o), Zo(h, s.restEncoder), s.restEncoder = h, s.toUint8Array();
  } else return g(s.restEncoder, 0), s.toUint8Array();
}, ah = (n) => Ri(n, Yt, Y), Ii = (n, t = z) => {
  const e = /* @__PURE__ */ new Map(), s = /* @__PURE__ */ new Map(), r = new Tt(new t(N(n)), !1);
  let i = r.curr;
  if (i !== null) {
    let o = i.id.client, c = i.id.clock;
    for (e.set(o, c); i !== null; i = r.next()) o !== i.id.client && (s.set(o, c), e.set(i.id.client, i.id.clock), o = i.id.client), c = i.id.clock + i.length;
    s.set(o, c);
  }
  return { from: e, to: s };
}, Li = (n) => Ii(n, Y), uh = (n, t) => {
  if (n.constructor === B) {
    const { client: e, clock: s } = n.id;
    return new B(m(e, s + t), n.length - t);
  } else if (n.constructor === P) {
    const { client: e, clock: s } = n.id;
    return new P(m(e, s + t), n.length - t);
  } else {
    const e = n, { client: s, clock: r } = e.id;
    return new k(m(s, r + t), null, m(s, r + t - 1), null, e.rightOrigin, e.parent, e.parentSub, e.content.splice(t));
  }
}, be = (n, t = z, e = tt) => {
  if (n.length === 1) return n[0];
  const s = n.map((h) => new t(N(h)));
  let r = s.map((h) => new Tt(h, !0)), i = null;
  const o = new e(), c = new _s(o);
  for (; r = r.filter((h) => h.curr !== null), r.sort((h, u) => {
    if (h.curr.id.client === u.curr.id.client) {
      const d = h.curr.id.clock - u.curr.id.clock;
      return d === 0 ? h.curr.constructor === u.curr.constructor ? 0 : h.curr.constructor === P ? 1 : -1 : d;
    } else return u.curr.id.client - h.curr.id.client;
  }), r.length !== 0; ) {
    const h = r[0], u = h.curr.id.client;
    if (i !== null) {
      let d = h.curr, p = !1;
      for (; d !== null && d.id.clock + d.length <= i.struct.id.clock + i.struct.length && d.id.client >= i.struct.id.client; ) d = h.next(), p = !0;
      if (d === null || d.id.client !== u || p && d.id.clock > i.struct.id.clock + i.struct.length) continue;
      if (u !== i.struct.id.client) mt(c, i.struct, i.offset), i = { struct: d, offset: 0 }, h.next();
      else if (i.struct.id.clock + i.struct.length < d.id.clock) if (i.struct.constructor === P) i.struct.length = d.id.clock + d.length - i.struct.id.clock;
      else {
        mt(c, i.struct, i.offset);
        const f = d.id.clock - i.struct.id.clock - i.struct.length;
        i = { struct: new P(m(u, i.struct.id.clock + i.struct.length), f), offset: 0 };
      }
      else {
        const f = i.struct.id.clock + i.struct.length - d.id.clock;
        f > 0 && (i.struct.constructor === P ? i.struct.length -= f : d = uh(d, f)), i.struct.mergeWith(d) || (mt(c, i.struct, i.offset), i = { struct: d, offset: 0 }, h.next());
      }
    } else i = { struct: h.curr, offset: 0 }, h.next();
    for (let d = h.curr; d !== null && d.id.client === u && d.id.clock === i.struct.id.clock + i.struct.length && d.constructor !== P; d = h.next()) mt(c, i.struct, i.offset), i = { struct: d, offset: 0 };
  }
  i !== null && (mt(c, i.struct, i.offset), i = null), Es(c);
  const l = s.map((h) => ut(h)), a = Nt(l);
  return rt(o, a), o.toUint8Array();
}, Ss = (n, t, e = z, s = tt) => {
  const r = Ce(t), i = new s(), o = new _s(i), c = new e(N(n)), l = new Tt(c, !1);
  for (; l.curr; ) {
    const h = l.curr, u = h.id.client, d = r.get(u) || 0;
    if (l.curr.constructor === P) {
      l.next();
      continue;
    }
    if (h.id.clock + h.length > d) for (mt(o, h, Bt(d - h.id.clock, 0)), l.next(); l.curr && l.curr.id.client === u; ) mt(o, l.curr, 0), l.next();
    else for (; l.curr && l.curr.id.client === u && l.curr.id.clock + l.curr.length <= d; ) l.next();
  }
  Es(o);
  const a = ut(c);
  return rt(i, a), i.toUint8Array();
}, dh = (n, t) => Ss(n, t, Y, ft), Ni = (n) => {
  n.written > 0 && (n.clientStructs.push({ written: n.written, restEncoder: I(n.encoder.restEncoder) }), n.encoder.restEncoder = it(), n.written = 0);
}, mt = (n, t, e) => {
  n.written > 0 && n.currClient !== t.id.client && Ni(n), n.written === 0 && (n.currClient = t.id.client, n.encoder.writeClient(t.id.client), g(n.encoder.restEncoder, t.id.clock + e)), t.write(n.encoder, e), n.written++;
}, Es = (n) => {
  Ni(n);
  const t = n.encoder.restEncoder;
  g(t, n.clientStructs.length);
  for (let e = 0; e < n.clientStructs.length; e++) {
    const s = n.clientStructs[e];
    g(t, s.written), Qt(t, s.restEncoder);
  }
}, wn = (n, t, e, s) => {
  const r = new e(N(n)), i = new Tt(r, !1), o = new s(), c = new _s(o);
  for (let a = i.curr; a !== null; a = i.next()) mt(c, t(a), 0);
  Es(c);
  const l = ut(r);
  return rt(o, l), o.toUint8Array();
}, Ui = ({ formatting: n = !0, subdocs: t = !0, yxml: e = !0 } = {}) => {
  let s = 0;
  const r = O(), i = O(), o = O(), c = O();
  return c.set(null, null), (l) => {
    switch (l.constructor) {
      case B:
      case P:
        return l;
      case k: {
        const a = l, h = a.content;
        switch (h.constructor) {
          case Ct:
            break;
          case X: {
            if (e) {
              const u = h.type;
              u instanceof Et && (u.nodeName = $(i, u.nodeName, () => "node-" + s)), u instanceof Zt && (u.hookName = $(i, u.hookName, () => "hook-" + s));
            }
            break;
          }
          case K: {
            const u = h;
            u.arr = u.arr.map(() => s);
            break;
          }
          case At: {
            const u = h;
            u.content = new Uint8Array([s]);
            break;
          }
          case jt: {
            const u = h;
            t && (u.opts = {}, u.doc.guid = s + "");
            break;
          }
          case ot: {
            const u = h;
            u.embed = {};
            break;
          }
          case C: {
            const u = h;
            n && (u.key = $(o, u.key, () => s + ""), u.value = $(c, u.value, () => ({ i: s })));
            break;
          }
          case Mt: {
            const u = h;
            u.arr = u.arr.map(() => s);
            break;
          }
          case j: {
            const u = h;
            u.str = Ur(s % 10 + "", u.str.length);
            break;
          }
          default:
            M();
        }
        return a.parentSub && (a.parentSub = $(r, a.parentSub, () => s + "")), s++, l;
      }
      default:
        M();
    }
  };
}, ph = (n, t) => wn(n, Ui(t), Y, ft), fh = (n, t) => wn(n, Ui(t), z, tt), gh = (n) => wn(n, Fr, Y, tt), Mi = (n) => wn(n, Fr, z, ft), ir = "You must not compute changes after the event-handler fired.";
class Ae {
  constructor(t, e) {
    this.target = t, this.currentTarget = t, this.transaction = e, this._changes = null, this._keys = null, this._delta = null, this._path = null;
  }
  get path() {
    return this._path || (this._path = mh(this.currentTarget, this.target));
  }
  deletes(t) {
    return Pt(this.transaction.deleteSet, t.id);
  }
  get keys() {
    if (this._keys === null) {
      if (this.transaction.doc._transactionCleanups.length === 0) throw Q(ir);
      const t = /* @__PURE__ */ new Map(), e = this.target;
      this.transaction.changed.get(e).forEach((s) => {
        if (s !== null) {
          const r = e._map.get(s);
          let i, o;
          if (this.adds(r)) {
            let c = r.left;
            for (; c !== null && this.adds(c); ) c = c.left;
            if (this.deletes(r)) if (c !== null && this.deletes(c)) i = "delete", o = vn(c.content.getContent());
            else return;
            else c !== null && this.deletes(c) ? (i = "update", o = vn(c.content.getContent())) : (i = "add", o = void 0);
          } else if (this.deletes(r)) i = "delete", o = vn(r.content.getContent());
          else return;
          t.set(s, { action: i, oldValue: o });
        }
      }), this._keys = t;
    }
    return this._keys;
  }
  get delta() {
    return this.changes.delta;
  }
  adds(t) {
    return t.id.clock >= (this.transaction.beforeState.get(t.id.client) || 0);
  }
  get changes() {
    let t = this._changes;
    if (t === null) {
      if (this.transaction.doc._transactionCleanups.length === 0) throw Q(ir);
      const e = this.target, s = It(), r = It(), i = [];
      if (t = { added: s, deleted: r, delta: i, keys: this.keys }, this.transaction.changed.get(e).has(null)) {
        let o = null;
        const c = () => {
          o && i.push(o);
        };
        for (let l = e._start; l !== null; l = l.right) l.deleted ? this.deletes(l) && !this.adds(l) && ((o === null || o.delete === void 0) && (c(), o = { delete: 0 }), o.delete += l.length, r.add(l)) : this.adds(l) ? ((o === null || o.insert === void 0) && (c(), o = { insert: [] }), o.insert = o.insert.concat(l.content.getContent()), s.add(l)) : ((o === null || o.retain === void 0) && (c(), o = { retain: 0 }), o.retain += l.length);
        o !== null && o.retain === void 0 && c();
      }
      this._changes = t;
    }
    return t;
  }
}
const mh = (n, t) => {
  const e = [];
  for (; t._item !== null && t !== n; ) {
    if (t._item.parentSub !== null) e.unshift(t._item.parentSub);
    else {
      let s = 0, r = t._item.parent._start;
      for (; r !== t._item && r !== null; ) !r.deleted && r.countable && (s += r.length), r = r.right;
      e.unshift(s);
    }
    t = t._item.parent;
  }
  return e;
}, L = () => {
  ai("Invalid access: Add Yjs type to a document before reading data.");
}, Bi = 80;
let Cs = 0;
class yh {
  constructor(t, e) {
    t.marker = !0, this.p = t, this.index = e, this.timestamp = Cs++;
  }
}
const wh = (n) => {
  n.timestamp = Cs++;
}, Pi = (n, t, e) => {
  n.p.marker = !1, n.p = t, t.marker = !0, n.index = e, n.timestamp = Cs++;
}, bh = (n, t, e) => {
  if (n.length >= Bi) {
    const s = n.reduce((r, i) => r.timestamp < i.timestamp ? r : i);
    return Pi(s, t, e), s;
  } else {
    const s = new yh(t, e);
    return n.push(s), s;
  }
}, bn = (n, t) => {
  if (n._start === null || t === 0 || n._searchMarker === null) return null;
  const e = n._searchMarker.length === 0 ? null : n._searchMarker.reduce((i, o) => Le(t - i.index) < Le(t - o.index) ? i : o);
  let s = n._start, r = 0;
  for (e !== null && (s = e.p, r = e.index, wh(e)); s.right !== null && r < t; ) {
    if (!s.deleted && s.countable) {
      if (t < r + s.length) break;
      r += s.length;
    }
    s = s.right;
  }
  for (; s.left !== null && r > t; ) s = s.left, !s.deleted && s.countable && (r -= s.length);
  for (; s.left !== null && s.left.id.client === s.id.client && s.left.id.clock + s.left.length === s.id.clock; ) s = s.left, !s.deleted && s.countable && (r -= s.length);
  return e !== null && Le(e.index - r) < s.parent.length / Bi ? (Pi(e, s, r), e) : bh(n._searchMarker, s, r);
}, ke = (n, t, e) => {
  for (let s = n.length - 1; s >= 0; s--) {
    const r = n[s];
    if (e > 0) {
      let i = r.p;
      for (i.marker = !1; i && (i.deleted || !i.countable); ) i = i.left, i && !i.deleted && i.countable && (r.index -= i.length);
      if (i === null || i.marker === !0) {
        n.splice(s, 1);
        continue;
      }
      r.p = i, i.marker = !0;
    }
    (t < r.index || e > 0 && t === r.index) && (r.index = Bt(t, r.index + e));
  }
}, kh = (n) => {
  n.doc ?? L();
  let t = n._start;
  const e = [];
  for (; t; ) e.push(t), t = t.right;
  return e;
}, kn = (n, t, e) => {
  const s = n, r = t.changedParentTypes;
  for (; $(r, n, () => []).push(e), n._item !== null; ) n = n._item.parent;
  wi(s._eH, e, t);
};
class A {
  constructor() {
    this._item = null, this._map = /* @__PURE__ */ new Map(), this._start = null, this.doc = null, this._length = 0, this._eH = Xs(), this._dEH = Xs(), this._searchMarker = null;
  }
  get parent() {
    return this._item ? this._item.parent : null;
  }
  _integrate(t, e) {
    this.doc = t, this._item = e;
  }
  _copy() {
    throw G();
  }
  clone() {
    throw G();
  }
  _write(t) {
  }
  get _first() {
    let t = this._start;
    for (; t !== null && t.deleted; ) t = t.right;
    return t;
  }
  _callObserver(t, e) {
    !t.local && this._searchMarker && (this._searchMarker.length = 0);
  }
  observe(t) {
    Gs(this._eH, t);
  }
  observeDeep(t) {
    Gs(this._dEH, t);
  }
  unobserve(t) {
    Zs(this._eH, t);
  }
  unobserveDeep(t) {
    Zs(this._dEH, t);
  }
  toJSON() {
  }
}
const ji = (n, t, e) => {
  n.doc ?? L(), t < 0 && (t = n._length + t), e < 0 && (e = n._length + e);
  let s = e - t;
  const r = [];
  let i = n._start;
  for (; i !== null && s > 0; ) {
    if (i.countable && !i.deleted) {
      const o = i.content.getContent();
      if (o.length <= t) t -= o.length;
      else {
        for (let c = t; c < o.length && s > 0; c++) r.push(o[c]), s--;
        t = 0;
      }
    }
    i = i.right;
  }
  return r;
}, Fi = (n) => {
  n.doc ?? L();
  const t = [];
  let e = n._start;
  for (; e !== null; ) {
    if (e.countable && !e.deleted) {
      const s = e.content.getContent();
      for (let r = 0; r < s.length; r++) t.push(s[r]);
    }
    e = e.right;
  }
  return t;
}, _h = (n, t) => {
  const e = [];
  let s = n._start;
  for (; s !== null; ) {
    if (s.countable && gt(s, t)) {
      const r = s.content.getContent();
      for (let i = 0; i < r.length; i++) e.push(r[i]);
    }
    s = s.right;
  }
  return e;
}, _e = (n, t) => {
  let e = 0, s = n._start;
  for (n.doc ?? L(); s !== null; ) {
    if (s.countable && !s.deleted) {
      const r = s.content.getContent();
      for (let i = 0; i < r.length; i++) t(r[i], e++, n);
    }
    s = s.right;
  }
}, $i = (n, t) => {
  const e = [];
  return _e(n, (s, r) => {
    e.push(t(s, r, n));
  }), e;
}, vh = (n) => {
  let t = n._start, e = null, s = 0;
  return { [Symbol.iterator]() {
    return this;
  }, next: () => {
    if (e === null) {
      for (; t !== null && t.deleted; ) t = t.right;
      if (t === null) return { done: !0, value: void 0 };
      e = t.content.getContent(), s = 0, t = t.right;
    }
    const r = e[s++];
    return e.length <= s && (e = null), { done: !1, value: r };
  } };
}, Vi = (n, t) => {
  n.doc ?? L();
  const e = bn(n, t);
  let s = n._start;
  for (e !== null && (s = e.p, t -= e.index); s !== null; s = s.right) if (!s.deleted && s.countable) {
    if (t < s.length) return s.content.getContent()[t];
    t -= s.length;
  }
}, Ke = (n, t, e, s) => {
  let r = e;
  const i = n.doc, o = i.clientID, c = i.store, l = e === null ? t._start : e.right;
  let a = [];
  const h = () => {
    a.length > 0 && (r = new k(m(o, S(c, o)), r, r && r.lastId, l, l && l.id, t, null, new K(a)), r.integrate(n, 0), a = []);
  };
  s.forEach((u) => {
    if (u === null) a.push(u);
    else switch (u.constructor) {
      case Number:
      case Object:
      case Boolean:
      case Array:
      case String:
        a.push(u);
        break;
      default:
        switch (h(), u.constructor) {
          case Uint8Array:
          case ArrayBuffer:
            r = new k(m(o, S(c, o)), r, r && r.lastId, l, l && l.id, t, null, new At(new Uint8Array(u))), r.integrate(n, 0);
            break;
          case pt:
            r = new k(m(o, S(c, o)), r, r && r.lastId, l, l && l.id, t, null, new jt(u)), r.integrate(n, 0);
            break;
          default:
            if (u instanceof A) r = new k(m(o, S(c, o)), r, r && r.lastId, l, l && l.id, t, null, new X(u)), r.integrate(n, 0);
            else throw new Error("Unexpected content type in insert operation");
        }
    }
  }), h();
}, qi = () => Q("Length exceeded!"), Wi = (n, t, e, s) => {
  if (e > t._length) throw qi();
  if (e === 0) return t._searchMarker && ke(t._searchMarker, e, s.length), Ke(n, t, null, s);
  const r = e, i = bn(t, e);
  let o = t._start;
  for (i !== null && (o = i.p, e -= i.index, e === 0 && (o = o.prev, e += o && o.countable && !o.deleted ? o.length : 0)); o !== null; o = o.right) if (!o.deleted && o.countable) {
    if (e <= o.length) {
      e < o.length && U(n, m(o.id.client, o.id.clock + e));
      break;
    }
    e -= o.length;
  }
  return t._searchMarker && ke(t._searchMarker, r, s.length), Ke(n, t, o, s);
}, Sh = (n, t, e) => {
  let s = (t._searchMarker || []).reduce((r, i) => i.index > r.index ? i : r, { index: 0, p: t._start }).p;
  if (s) for (; s.right; ) s = s.right;
  return Ke(n, t, s, e);
}, zi = (n, t, e, s) => {
  if (s === 0) return;
  const r = e, i = s, o = bn(t, e);
  let c = t._start;
  for (o !== null && (c = o.p, e -= o.index); c !== null && e > 0; c = c.right) !c.deleted && c.countable && (e < c.length && U(n, m(c.id.client, c.id.clock + e)), e -= c.length);
  for (; s > 0 && c !== null; ) c.deleted || (s < c.length && U(n, m(c.id.client, c.id.clock + s)), c.delete(n), s -= c.length), c = c.right;
  if (s > 0) throw qi();
  t._searchMarker && ke(t._searchMarker, r, -i + s);
}, Ye = (n, t, e) => {
  const s = t._map.get(e);
  s !== void 0 && s.delete(n);
}, Ts = (n, t, e, s) => {
  const r = t._map.get(e) || null, i = n.doc, o = i.clientID;
  let c;
  if (s == null) c = new K([s]);
  else switch (s.constructor) {
    case Number:
    case Object:
    case Boolean:
    case Array:
    case String:
    case Date:
    case BigInt:
      c = new K([s]);
      break;
    case Uint8Array:
      c = new At(s);
      break;
    case pt:
      c = new jt(s);
      break;
    default:
      if (s instanceof A) c = new X(s);
      else throw new Error("Unexpected content type");
  }
  new k(m(o, S(i.store, o)), r, r && r.lastId, null, null, t, e, c).integrate(n, 0);
}, As = (n, t) => {
  n.doc ?? L();
  const e = n._map.get(t);
  return e !== void 0 && !e.deleted ? e.content.getContent()[e.length - 1] : void 0;
}, Ji = (n) => {
  const t = {};
  return n.doc ?? L(), n._map.forEach((e, s) => {
    e.deleted || (t[s] = e.content.getContent()[e.length - 1]);
  }), t;
}, Hi = (n, t) => {
  n.doc ?? L();
  const e = n._map.get(t);
  return e !== void 0 && !e.deleted;
}, Eh = (n, t, e) => {
  let s = n._map.get(t) || null;
  for (; s !== null && (!e.sv.has(s.id.client) || s.id.clock >= (e.sv.get(s.id.client) || 0)); ) s = s.left;
  return s !== null && gt(s, e) ? s.content.getContent()[s.length - 1] : void 0;
}, Ki = (n, t) => {
  const e = {};
  return n._map.forEach((s, r) => {
    let i = s;
    for (; i !== null && (!t.sv.has(i.id.client) || i.id.clock >= (t.sv.get(i.id.client) || 0)); ) i = i.left;
    i !== null && gt(i, t) && (e[r] = i.content.getContent()[i.length - 1]);
  }), e;
}, De = (n) => (n.doc ?? L(), El(n._map.entries(), (t) => !t[1].deleted));
class Yi extends Ae {
}
class ht extends A {
  constructor() {
    super(), this._prelimContent = [], this._searchMarker = [];
  }
  static from(t) {
    const e = new ht();
    return e.push(t), e;
  }
  _integrate(t, e) {
    super._integrate(t, e), this.insert(0, this._prelimContent), this._prelimContent = null;
  }
  _copy() {
    return new ht();
  }
  clone() {
    const t = new ht();
    return t.insert(0, this.toArray().map((e) => e instanceof A ? e.clone() : e)), t;
  }
  get length() {
    return this.doc ?? L(), this._length;
  }
  _callObserver(t, e) {
    super._callObserver(t, e), kn(this, t, new Yi(this, t));
  }
  insert(t, e) {
    this.doc !== null ? _(this.doc, (s) => {
      Wi(s, this, t, e);
    }) : this._prelimContent.splice(t, 0, ...e);
  }
  push(t) {
    this.doc !== null ? _(this.doc, (e) => {
      Sh(e, this, t);
    }) : this._prelimContent.push(...t);
  }
  unshift(t) {
    this.insert(0, t);
  }
  delete(t, e = 1) {
    this.doc !== null ? _(this.doc, (s) => {
      zi(s, this, t, e);
    }) : this._prelimContent.splice(t, e);
  }
  get(t) {
    return Vi(this, t);
  }
  toArray() {
    return Fi(this);
  }
  slice(t = 0, e = this.length) {
    return ji(this, t, e);
  }
  toJSON() {
    return this.map((t) => t instanceof A ? t.toJSON() : t);
  }
  map(t) {
    return $i(this, t);
  }
  forEach(t) {
    _e(this, t);
  }
  [Symbol.iterator]() {
    return vh(this);
  }
  _write(t) {
    t.writeTypeRef(zh);
  }
}
const Ch = (n) => new ht();
class Xi extends Ae {
  constructor(t, e, s) {
    super(t, e), this.keysChanged = s;
  }
}
class vt extends A {
  constructor(t) {
    super(), this._prelimContent = null, t === void 0 ? this._prelimContent = /* @__PURE__ */ new Map() : this._prelimContent = new Map(t);
  }
  _integrate(t, e) {
    super._integrate(t, e), this._prelimContent.forEach((s, r) => {
      this.set(r, s);
    }), this._prelimContent = null;
  }
  _copy() {
    return new vt();
  }
  clone() {
    const t = new vt();
    return this.forEach((e, s) => {
      t.set(s, e instanceof A ? e.clone() : e);
    }), t;
  }
  _callObserver(t, e) {
    kn(this, t, new Xi(this, t, e));
  }
  toJSON() {
    this.doc ?? L();
    const t = {};
    return this._map.forEach((e, s) => {
      if (!e.deleted) {
        const r = e.content.getContent()[e.length - 1];
        t[s] = r instanceof A ? r.toJSON() : r;
      }
    }), t;
  }
  get size() {
    return [...De(this)].length;
  }
  keys() {
    return Dn(De(this), (t) => t[0]);
  }
  values() {
    return Dn(De(this), (t) => t[1].content.getContent()[t[1].length - 1]);
  }
  entries() {
    return Dn(De(this), (t) => [t[0], t[1].content.getContent()[t[1].length - 1]]);
  }
  forEach(t) {
    this.doc ?? L(), this._map.forEach((e, s) => {
      e.deleted || t(e.content.getContent()[e.length - 1], s, this);
    });
  }
  [Symbol.iterator]() {
    return this.entries();
  }
  delete(t) {
    this.doc !== null ? _(this.doc, (e) => {
      Ye(e, this, t);
    }) : this._prelimContent.delete(t);
  }
  set(t, e) {
    return this.doc !== null ? _(this.doc, (s) => {
      Ts(s, this, t, e);
    }) : this._prelimContent.set(t, e), e;
  }
  get(t) {
    return As(this, t);
  }
  has(t) {
    return Hi(this, t);
  }
  clear() {
    this.doc !== null ? _(this.doc, (t) => {
      this.forEach(function(e, s, r) {
        Ye(t, r, s);
      });
    }) : this._prelimContent.clear();
  }
  _write(t) {
    t.writeTypeRef(Jh);
  }
}
const Th = (n) => new vt(), wt = (n, t) => n === t || typeof n == "object" && typeof t == "object" && n && t && bc(n, t);
class Hn {
  constructor(t, e, s, r) {
    this.left = t, this.right = e, this.index = s, this.currentAttributes = r;
  }
  forward() {
    this.right === null && M(), this.right.content.constructor === C ? this.right.deleted || ne(this.currentAttributes, this.right.content) : this.right.deleted || (this.index += this.right.length), this.left = this.right, this.right = this.right.right;
  }
}
const or = (n, t, e) => {
  for (; t.right !== null && e > 0; ) t.right.content.constructor === C ? t.right.deleted || ne(t.currentAttributes, t.right.content) : t.right.deleted || (e < t.right.length && U(n, m(t.right.id.client, t.right.id.clock + e)), t.index += t.right.length, e -= t.right.length), t.left = t.right, t.right = t.right.right;
  return t;
}, Oe = (n, t, e, s) => {
  const r = /* @__PURE__ */ new Map(), i = s ? bn(t, e) : null;
  if (i) {
    const o = new Hn(i.p.left, i.p, i.index, r);
    return or(n, o, e - i.index);
  } else {
    const o = new Hn(null, t._start, 0, r);
    return or(n, o, e);
  }
}, Gi = (n, t, e, s) => {
  for (; e.right !== null && (e.right.deleted === !0 || e.right.content.constructor === C && wt(s.get(e.right.content.key), e.right.content.value)); ) e.right.deleted || s.delete(e.right.content.key), e.forward();
  const r = n.doc, i = r.clientID;
  s.forEach((o, c) => {
    const l = e.left, a = e.right, h = new k(m(i, S(r.store, i)), l, l && l.lastId, a, a && a.id, t, null, new C(c, o));
    h.integrate(n, 0), e.right = h, e.forward();
  });
}, ne = (n, t) => {
  const { key: e, value: s } = t;
  s === null ? n.delete(e) : n.set(e, s);
}, Zi = (n, t) => {
  for (; n.right !== null && (n.right.deleted || n.right.content.constructor === C && wt(t[n.right.content.key] ?? null, n.right.content.value)); )
    n.forward();
}, Qi = (n, t, e, s) => {
  const r = n.doc, i = r.clientID, o = /* @__PURE__ */ new Map();
  for (const c in s) {
    const l = s[c], a = e.currentAttributes.get(c) ?? null;
    if (!wt(a, l)) {
      o.set(c, a);
      const { left: h, right: u } = e;
      e.right = new k(m(i, S(r.store, i)), h, h && h.lastId, u, u && u.id, t, null, new C(c, l)), e.right.integrate(n, 0), e.forward();
    }
  }
  return o;
}, On = (n, t, e, s, r) => {
  e.currentAttributes.forEach((d, p) => {
    r[p] === void 0 && (r[p] = null);
  });
  const i = n.doc, o = i.clientID;
  Zi(e, r);
  const c = Qi(n, t, e, r), l = s.constructor === String ? new j(s) : s instanceof A ? new X(s) : new ot(s);
  let { left: a, right: h, index: u } = e;
  t._searchMarker && ke(t._searchMarker, e.index, l.getLength()), h = new k(m(o, S(i.store, o)), a, a && a.lastId, h, h && h.id, t, null, l), h.integrate(n, 0), e.right = h, e.index = u, e.forward(), Gi(n, t, e, c);
}, cr = (n, t, e, s, r) => {
  const i = n.doc, o = i.clientID;
  Zi(e, r);
  const c = Qi(n, t, e, r);
  t: for (; e.right !== null && (s > 0 || c.size > 0 && (e.right.deleted || e.right.content.constructor === C)); ) {
    if (!e.right.deleted) switch (e.right.content.constructor) {
      case C: {
        const { key: l, value: a } = e.right.content, h = r[l];
        if (h !== void 0) {
          if (wt(h, a)) c.delete(l);
          else {
            if (s === 0) break t;
            c.set(l, a);
          }
          e.right.delete(n);
        } else e.currentAttributes.set(l, a);
        break;
      }
      default:
        s < e.right.length && U(n, m(e.right.id.client, e.right.id.clock + s)), s -= e.right.length;
        break;
    }
    e.forward();
  }
  if (s > 0) {
    let l = "";
    for (; s > 0; s--) l += `
`;
    e.right = new k(m(o, S(i.store, o)), e.left, e.left && e.left.lastId, e.right, e.right && e.right.id, t, null, new j(l)), e.right.integrate(n, 0), e.forward();
  }
  Gi(n, t, e, c);
}, to = (n, t, e, s, r) => {
  let i = t;
  const o = O();
  for (; i && (!i.countable || i.deleted); ) {
    if (!i.deleted && i.content.constructor === C) {
      const a = i.content;
      o.set(a.key, a);
    }
    i = i.right;
  }
  let c = 0, l = !1;
  for (; t !== i; ) {
    if (e === t && (l = !0), !t.deleted) {
      const a = t.content;
      if (a.constructor === C) {
        const { key: h, value: u } = a, d = s.get(h) ?? null;
        (o.get(h) !== a || d === u) && (t.delete(n), c++, !l && (r.get(h) ?? null) === u && d !== u && (d === null ? r.delete(h) : r.set(h, d))), !l && !t.deleted && ne(r, a);
      }
    }
    t = t.right;
  }
  return c;
}, Ah = (n, t) => {
  for (; t && t.right && (t.right.deleted || !t.right.countable); ) t = t.right;
  const e = /* @__PURE__ */ new Set();
  for (; t && (t.deleted || !t.countable); ) {
    if (!t.deleted && t.content.constructor === C) {
      const s = t.content.key;
      e.has(s) ? t.delete(n) : e.add(s);
    }
    t = t.left;
  }
}, eo = (n) => {
  let t = 0;
  return _(n.doc, (e) => {
    let s = n._start, r = n._start, i = O();
    const o = Pn(i);
    for (; r; ) r.deleted === !1 && (r.content.constructor === C ? ne(o, r.content) : (t += to(e, s, r, i, o), i = Pn(o), s = r)), r = r.right;
  }), t;
}, xh = (n) => {
  const t = /* @__PURE__ */ new Set(), e = n.doc;
  for (const [s, r] of n.afterState.entries()) {
    const i = n.beforeState.get(s) || 0;
    r !== i && Ei(n, e.store.clients.get(s), i, r, (o) => {
      !o.deleted && o.content.constructor === C && o.constructor !== B && t.add(o.parent);
    });
  }
  _(e, (s) => {
    Lt(n, n.deleteSet, (r) => {
      if (r instanceof B || !r.parent._hasFormatting || t.has(r.parent)) return;
      const i = r.parent;
      r.content.constructor === C ? t.add(i) : Ah(s, r);
    });
    for (const r of t) eo(r);
  });
}, lr = (n, t, e) => {
  const s = e, r = Pn(t.currentAttributes), i = t.right;
  for (; e > 0 && t.right !== null; ) {
    if (t.right.deleted === !1) switch (t.right.content.constructor) {
      case X:
      case ot:
      case j:
        e < t.right.length && U(n, m(t.right.id.client, t.right.id.clock + e)), e -= t.right.length, t.right.delete(n);
        break;
    }
    t.forward();
  }
  i && to(n, i, t.right, r, t.currentAttributes);
  const o = (t.left || t.right).parent;
  return o._searchMarker && ke(o._searchMarker, t.index, -s + e), t;
};
class no extends Ae {
  constructor(t, e, s) {
    super(t, e), this.childListChanged = !1, this.keysChanged = /* @__PURE__ */ new Set(), s.forEach((r) => {
      r === null ? this.childListChanged = !0 : this.keysChanged.add(r);
    });
  }
  get changes() {
    if (this._changes === null) {
      const t = { keys: this.keys, delta: this.delta, added: /* @__PURE__ */ new Set(), deleted: /* @__PURE__ */ new Set() };
      this._changes = t;
    }
    return this._changes;
  }
  get delta() {
    if (this._delta === null) {
      const t = this.target.doc, e = [];
      _(t, (s) => {
        const r = /* @__PURE__ */ new Map(), i = /* @__PURE__ */ new Map();
        let o = this.target._start, c = null;
        const l = {};
        let a = "", h = 0, u = 0;
        const d = () => {
          if (c !== null) {
            let p = null;
            switch (c) {
              case "delete":
                u > 0 && (p = { delete: u }), u = 0;
                break;
              case "insert":
                (typeof a == "object" || a.length > 0) && (p = { insert: a }, r.size > 0 && (p.attributes = {}, r.forEach((f, w) => {
                  f !== null && (p.attributes[w] = f);
                }))), a = "";
                break;
              case "retain":
                h > 0 && (p = { retain: h }, wc(l) || (p.attributes = gc({}, l))), h = 0;
                break;
            }
            p && e.push(p), c = null;
          }
        };
        for (; o !== null; ) {
          switch (o.content.constructor) {
            case X:
            case ot:
              this.adds(o) ? this.deletes(o) || (d(), c = "insert", a = o.content.getContent()[0], d()) : this.deletes(o) ? (c !== "delete" && (d(), c = "delete"), u += 1) : o.deleted || (c !== "retain" && (d(), c = "retain"), h += 1);
              break;
            case j:
              this.adds(o) ? this.deletes(o) || (c !== "insert" && (d(), c = "insert"), a += o.content.str) : this.deletes(o) ? (c !== "delete" && (d(), c = "delete"), u += o.length) : o.deleted || (c !== "retain" && (d(), c = "retain"), h += o.length);
              break;
            case C: {
              const { key: p, value: f } = o.content;
              if (this.adds(o)) {
                if (!this.deletes(o)) {
                  const w = r.get(p) ?? null;
                  wt(w, f) ? f !== null && o.delete(s) : (c === "retain" && d(), wt(f, i.get(p) ?? null) ? delete l[p] : l[p] = f);
                }
              } else if (this.deletes(o)) {
                i.set(p, f);
                const w = r.get(p) ?? null;
                wt(w, f) || (c === "retain" && d(), l[p] = w);
              } else if (!o.deleted) {
                i.set(p, f);
                const w = l[p];
                w !== void 0 && (wt(w, f) ? w !== null && o.delete(s) : (c === "retain" && d(), f === null ? delete l[p] : l[p] = f));
              }
              o.deleted || (c === "insert" && d(), ne(r, o.content));
              break;
            }
          }
          o = o.right;
        }
        for (d(); e.length > 0; ) {
          const p = e[e.length - 1];
          if (p.retain !== void 0 && p.attributes === void 0) e.pop();
          else break;
        }
      }), this._delta = e;
    }
    return this._delta;
  }
}
class Ut extends A {
  constructor(t) {
    super(), this._pending = t !== void 0 ? [() => this.insert(0, t)] : [], this._searchMarker = [], this._hasFormatting = !1;
  }
  get length() {
    return this.doc ?? L(), this._length;
  }
  _integrate(t, e) {
    super._integrate(t, e);
    try {
      this._pending.forEach((s) => s());
    } catch (s) {
      console.error(s);
    }
    this._pending = null;
  }
  _copy() {
    return new Ut();
  }
  clone() {
    const t = new Ut();
    return t.applyDelta(this.toDelta()), t;
  }
  _callObserver(t, e) {
    super._callObserver(t, e);
    const s = new no(this, t, e);
    kn(this, t, s), !t.local && this._hasFormatting && (t._needFormattingCleanup = !0);
  }
  toString() {
    this.doc ?? L();
    let t = "", e = this._start;
    for (; e !== null; ) !e.deleted && e.countable && e.content.constructor === j && (t += e.content.str), e = e.right;
    return t;
  }
  toJSON() {
    return this.toString();
  }
  applyDelta(t, { sanitize: e = !0 } = {}) {
    this.doc !== null ? _(this.doc, (s) => {
      const r = new Hn(null, this._start, 0, /* @__PURE__ */ new Map());
      for (let i = 0; i < t.length; i++) {
        const o = t[i];
        if (o.insert !== void 0) {
          const c = !e && typeof o.insert == "string" && i === t.length - 1 && r.right === null && o.insert.slice(-1) === `
` ? o.insert.slice(0, -1) : o.insert;
          (typeof c != "string" || c.length > 0) && On(s, this, r, c, o.attributes || {});
        } else o.retain !== void 0 ? cr(s, this, r, o.retain, o.attributes || {}) : o.delete !== void 0 && lr(s, r, o.delete);
      }
    }) : this._pending.push(() => this.applyDelta(t));
  }
  toDelta(t, e, s) {
    this.doc ?? L();
    const r = [], i = /* @__PURE__ */ new Map(), o = this.doc;
    let c = "", l = this._start;
    function a() {
      if (c.length > 0) {
        const u = {};
        let d = !1;
        i.forEach((f, w) => {
          d = !0, u[w] = f;
        });
        const p = { insert: c };
        d && (p.attributes = u), r.push(p), c = "";
      }
    }
    const h = () => {
      for (; l !== null; ) {
        if (gt(l, t) || e !== void 0 && gt(l, e)) switch (l.content.constructor) {
          case j: {
            const u = i.get("ychange");
            t !== void 0 && !gt(l, t) ? (u === void 0 || u.user !== l.id.client || u.type !== "removed") && (a(), i.set("ychange", s ? s("removed", l.id) : { type: "removed" })) : e !== void 0 && !gt(l, e) ? (u === void 0 || u.user !== l.id.client || u.type !== "added") && (a(), i.set("ychange", s ? s("added", l.id) : { type: "added" })) : u !== void 0 && (a(), i.delete("ychange")), c += l.content.str;
            break;
          }
          case X:
          case ot: {
            a();
            const u = { insert: l.content.getContent()[0] };
            if (i.size > 0) {
              const d = {};
              u.attributes = d, i.forEach((p, f) => {
                d[f] = p;
              });
            }
            r.push(u);
            break;
          }
          case C:
            gt(l, t) && (a(), ne(i, l.content));
            break;
        }
        l = l.right;
      }
      a();
    };
    return t || e ? _(o, (u) => {
      t && Wn(u, t), e && Wn(u, e), h();
    }, "cleanup") : h(), r;
  }
  insert(t, e, s) {
    if (e.length <= 0) return;
    const r = this.doc;
    r !== null ? _(r, (i) => {
      const o = Oe(i, this, t, !s);
      s || (s = {}, o.currentAttributes.forEach((c, l) => {
        s[l] = c;
      })), On(i, this, o, e, s);
    }) : this._pending.push(() => this.insert(t, e, s));
  }
  insertEmbed(t, e, s) {
    const r = this.doc;
    r !== null ? _(r, (i) => {
      const o = Oe(i, this, t, !s);
      On(i, this, o, e, s || {});
    }) : this._pending.push(() => this.insertEmbed(t, e, s || {}));
  }
  delete(t, e) {
    if (e === 0) return;
    const s = this.doc;
    s !== null ? _(s, (r) => {
      lr(r, Oe(r, this, t, !0), e);
    }) : this._pending.push(() => this.delete(t, e));
  }
  format(t, e, s) {
    if (e === 0) return;
    const r = this.doc;
    r !== null ? _(r, (i) => {
      const o = Oe(i, this, t, !1);
      o.right !== null && cr(i, this, o, e, s);
    }) : this._pending.push(() => this.format(t, e, s));
  }
  removeAttribute(t) {
    this.doc !== null ? _(this.doc, (e) => {
      Ye(e, this, t);
    }) : this._pending.push(() => this.removeAttribute(t));
  }
  setAttribute(t, e) {
    this.doc !== null ? _(this.doc, (s) => {
      Ts(s, this, t, e);
    }) : this._pending.push(() => this.setAttribute(t, e));
  }
  getAttribute(t) {
    return As(this, t);
  }
  getAttributes() {
    return Ji(this);
  }
  _write(t) {
    t.writeTypeRef(Hh);
  }
}
const Dh = (n) => new Ut();
class Rn {
  constructor(t, e = () => !0) {
    this._filter = e, this._root = t, this._currentNode = t._start, this._firstCall = !0, t.doc ?? L();
  }
  [Symbol.iterator]() {
    return this;
  }
  next() {
    let t = this._currentNode, e = t && t.content && t.content.type;
    if (t !== null && (!this._firstCall || t.deleted || !this._filter(e))) do
      if (e = t.content.type, !t.deleted && (e.constructor === Et || e.constructor === St) && e._start !== null) t = e._start;
      else for (; t !== null; ) {
        const s = t.next;
        if (s !== null) {
          t = s;
          break;
        } else t.parent === this._root ? t = null : t = t.parent._item;
      }
    while (t !== null && (t.deleted || !this._filter(t.content.type)));
    return this._firstCall = !1, t === null ? { value: void 0, done: !0 } : (this._currentNode = t, { value: t.content.type, done: !1 });
  }
}
class St extends A {
  constructor() {
    super(), this._prelimContent = [];
  }
  get firstChild() {
    const t = this._first;
    return t ? t.content.getContent()[0] : null;
  }
  _integrate(t, e) {
    super._integrate(t, e), this.insert(0, this._prelimContent), this._prelimContent = null;
  }
  _copy() {
    return new St();
  }
  clone() {
    const t = new St();
    return t.insert(0, this.toArray().map((e) => e instanceof A ? e.clone() : e)), t;
  }
  get length() {
    return this.doc ?? L(), this._prelimContent === null ? this._length : this._prelimContent.length;
  }
  createTreeWalker(t) {
    return new Rn(this, t);
  }
  querySelector(t) {
    t = t.toUpperCase();
    const e = new Rn(this, (s) => s.nodeName && s.nodeName.toUpperCase() === t).next();
    return e.done ? null : e.value;
  }
  querySelectorAll(t) {
    return t = t.toUpperCase(), at(new Rn(this, (e) => e.nodeName && e.nodeName.toUpperCase() === t));
  }
  _callObserver(t, e) {
    kn(this, t, new so(this, e, t));
  }
  toString() {
    return $i(this, (t) => t.toString()).join("");
  }
  toJSON() {
    return this.toString();
  }
  toDOM(t = document, e = {}, s) {
    const r = t.createDocumentFragment();
    return s !== void 0 && s._createAssociation(r, this), _e(this, (i) => {
      r.insertBefore(i.toDOM(t, e, s), null);
    }), r;
  }
  insert(t, e) {
    this.doc !== null ? _(this.doc, (s) => {
      Wi(s, this, t, e);
    }) : this._prelimContent.splice(t, 0, ...e);
  }
  insertAfter(t, e) {
    if (this.doc !== null) _(this.doc, (s) => {
      const r = t && t instanceof A ? t._item : t;
      Ke(s, this, r, e);
    });
    else {
      const s = this._prelimContent, r = t === null ? 0 : s.findIndex((i) => i === t) + 1;
      if (r === 0 && t !== null) throw Q("Reference item not found");
      s.splice(r, 0, ...e);
    }
  }
  delete(t, e = 1) {
    this.doc !== null ? _(this.doc, (s) => {
      zi(s, this, t, e);
    }) : this._prelimContent.splice(t, e);
  }
  toArray() {
    return Fi(this);
  }
  push(t) {
    this.insert(this.length, t);
  }
  unshift(t) {
    this.insert(0, t);
  }
  get(t) {
    return Vi(this, t);
  }
  slice(t = 0, e = this.length) {
    return ji(this, t, e);
  }
  forEach(t) {
    _e(this, t);
  }
  _write(t) {
    t.writeTypeRef(Yh);
  }
}
const Oh = (n) => new St();
class Et extends St {
  constructor(t = "UNDEFINED") {
    super(), this.nodeName = t, this._prelimAttrs = /* @__PURE__ */ new Map();
  }
  get nextSibling() {
    const t = this._item ? this._item.next : null;
    return t ? t.content.type : null;
  }
  get prevSibling() {
    const t = this._item ? this._item.prev : null;
    return t ? t.content.type : null;
  }
  _integrate(t, e) {
    super._integrate(t, e), this._prelimAttrs.forEach((s, r) => {
      this.setAttribute(r, s);
    }), this._prelimAttrs = null;
  }
  _copy() {
    return new Et(this.nodeName);
  }
  clone() {
    const t = new Et(this.nodeName), e = this.getAttributes();
    return yc(e, (s, r) => {
      t.setAttribute(r, s);
    }), t.insert(0, this.toArray().map((s) => s instanceof A ? s.clone() : s)), t;
  }
  toString() {
    const t = this.getAttributes(), e = [], s = [];
    for (const c in t) s.push(c);
    s.sort();
    const r = s.length;
    for (let c = 0; c < r; c++) {
      const l = s[c];
      e.push(l + '="' + t[l] + '"');
    }
    const i = this.nodeName.toLocaleLowerCase(), o = e.length > 0 ? " " + e.join(" ") : "";
    return `<${i}${o}>${super.toString()}</${i}>`;
  }
  removeAttribute(t) {
    this.doc !== null ? _(this.doc, (e) => {
      Ye(e, this, t);
    }) : this._prelimAttrs.delete(t);
  }
  setAttribute(t, e) {
    this.doc !== null ? _(this.doc, (s) => {
      Ts(s, this, t, e);
    }) : this._prelimAttrs.set(t, e);
  }
  getAttribute(t) {
    return As(this, t);
  }
  hasAttribute(t) {
    return Hi(this, t);
  }
  getAttributes(t) {
    return t ? Ki(this, t) : Ji(this);
  }
  toDOM(t = document, e = {}, s) {
    const r = t.createElement(this.nodeName), i = this.getAttributes();
    for (const o in i) {
      const c = i[o];
      typeof c == "string" && r.setAttribute(o, c);
    }
    return _e(this, (o) => {
      r.appendChild(o.toDOM(t, e, s));
    }), s !== void 0 && s._createAssociation(r, this), r;
  }
  _write(t) {
    t.writeTypeRef(Kh), t.writeKey(this.nodeName);
  }
}
const Rh = (n) => new Et(n.readKey());
class so extends Ae {
  constructor(t, e, s) {
    super(t, s), this.childListChanged = !1, this.attributesChanged = /* @__PURE__ */ new Set(), e.forEach((r) => {
      r === null ? this.childListChanged = !0 : this.attributesChanged.add(r);
    });
  }
}
class Zt extends vt {
  constructor(t) {
    super(), this.hookName = t;
  }
  _copy() {
    return new Zt(this.hookName);
  }
  clone() {
    const t = new Zt(this.hookName);
    return this.forEach((e, s) => {
      t.set(s, e);
    }), t;
  }
  toDOM(t = document, e = {}, s) {
    const r = e[this.hookName];
    let i;
    return r !== void 0 ? i = r.createDom(this) : i = document.createElement(this.hookName), i.setAttribute("data-yjs-hook", this.hookName), s !== void 0 && s._createAssociation(i, this), i;
  }
  _write(t) {
    t.writeTypeRef(Xh), t.writeKey(this.hookName);
  }
}
const Ih = (n) => new Zt(n.readKey());
class ve extends Ut {
  get nextSibling() {
    const t = this._item ? this._item.next : null;
    return t ? t.content.type : null;
  }
  get prevSibling() {
    const t = this._item ? this._item.prev : null;
    return t ? t.content.type : null;
  }
  _copy() {
    return new ve();
  }
  clone() {
    const t = new ve();
    return t.applyDelta(this.toDelta()), t;
  }
  toDOM(t = document, e, s) {
    const r = t.createTextNode(this.toString());
    return s !== void 0 && s._createAssociation(r, this), r;
  }
  toString() {
    return this.toDelta().map((t) => {
      const e = [];
      for (const r in t.attributes) {
        const i = [];
        for (const o in t.attributes[r]) i.push({ key: o, value: t.attributes[r][o] });
        i.sort((o, c) => o.key < c.key ? -1 : 1), e.push({ nodeName: r, attrs: i });
      }
      e.sort((r, i) => r.nodeName < i.nodeName ? -1 : 1);
      let s = "";
      for (let r = 0; r < e.length; r++) {
        const i = e[r];
        s += `<${i.nodeName}`;
        for (let o = 0; o < i.attrs.length; o++) {
          const c = i.attrs[o];
          s += ` ${c.key}="${c.value}"`;
        }
        s += ">";
      }
      s += t.insert;
      for (let r = e.length - 1; r >= 0; r--) s += `</${e[r].nodeName}>`;
      return s;
    }).join("");
  }
  toJSON() {
    return this.toString();
  }
  _write(t) {
    t.writeTypeRef(Gh);
  }
}
const Lh = (n) => new ve();
class _n {
  constructor(t, e) {
    this.id = t, this.length = e;
  }
  get deleted() {
    throw G();
  }
  mergeWith(t) {
    return !1;
  }
  write(t, e, s) {
    throw G();
  }
  integrate(t, e) {
    throw G();
  }
}
const Nh = 0;
class B extends _n {
  get deleted() {
    return !0;
  }
  delete() {
  }
  mergeWith(t) {
    return this.constructor !== t.constructor ? !1 : (this.length += t.length, !0);
  }
  integrate(t, e) {
    e > 0 && (this.id.clock += e, this.length -= e), Si(t.doc.store, this);
  }
  write(t, e) {
    t.writeInfo(Nh), t.writeLen(this.length - e);
  }
  getMissing(t, e) {
    return null;
  }
}
class At {
  constructor(t) {
    this.content = t;
  }
  getLength() {
    return 1;
  }
  getContent() {
    return [this.content];
  }
  isCountable() {
    return !0;
  }
  copy() {
    return new At(this.content);
  }
  splice(t) {
    throw G();
  }
  mergeWith(t) {
    return !1;
  }
  integrate(t, e) {
  }
  delete(t) {
  }
  gc(t) {
  }
  write(t, e) {
    t.writeBuf(this.content);
  }
  getRef() {
    return 3;
  }
}
const Uh = (n) => new At(n.readBuf());
class Ct {
  constructor(t) {
    this.len = t;
  }
  getLength() {
    return this.len;
  }
  getContent() {
    return [];
  }
  isCountable() {
    return !1;
  }
  copy() {
    return new Ct(this.len);
  }
  splice(t) {
    const e = new Ct(this.len - t);
    return this.len = t, e;
  }
  mergeWith(t) {
    return this.len += t.len, !0;
  }
  integrate(t, e) {
    me(t.deleteSet, e.id.client, e.id.clock, this.len), e.markDeleted();
  }
  delete(t) {
  }
  gc(t) {
  }
  write(t, e) {
    t.writeLen(this.len - e);
  }
  getRef() {
    return 1;
  }
}
const Mh = (n) => new Ct(n.readLen()), ro = (n, t) => new pt({ guid: n, ...t, shouldLoad: t.shouldLoad || t.autoLoad || !1 });
class jt {
  constructor(t) {
    t._item && console.error("This document was already integrated as a sub-document. You should create a second instance instead with the same guid."), this.doc = t;
    const e = {};
    this.opts = e, t.gc || (e.gc = !1), t.autoLoad && (e.autoLoad = !0), t.meta !== null && (e.meta = t.meta);
  }
  getLength() {
    return 1;
  }
  getContent() {
    return [this.doc];
  }
  isCountable() {
    return !0;
  }
  copy() {
    return new jt(ro(this.doc.guid, this.opts));
  }
  splice(t) {
    throw G();
  }
  mergeWith(t) {
    return !1;
  }
  integrate(t, e) {
    this.doc._item = e, t.subdocsAdded.add(this.doc), this.doc.shouldLoad && t.subdocsLoaded.add(this.doc);
  }
  delete(t) {
    t.subdocsAdded.has(this.doc) ? t.subdocsAdded.delete(this.doc) : t.subdocsRemoved.add(this.doc);
  }
  gc(t) {
  }
  write(t, e) {
    t.writeString(this.doc.guid), t.writeAny(this.opts);
  }
  getRef() {
    return 9;
  }
}
const Bh = (n) => new jt(ro(n.readString(), n.readAny()));
class ot {
  constructor(t) {
    this.embed = t;
  }
  getLength() {
    return 1;
  }
  getContent() {
    return [this.embed];
  }
  isCountable() {
    return !0;
  }
  copy() {
    return new ot(this.embed);
  }
  splice(t) {
    throw G();
  }
  mergeWith(t) {
    return !1;
  }
  integrate(t, e) {
  }
  delete(t) {
  }
  gc(t) {
  }
  write(t, e) {
    t.writeJSON(this.embed);
  }
  getRef() {
    return 5;
  }
}
const Ph = (n) => new ot(n.readJSON());
class C {
  constructor(t, e) {
    this.key = t, this.value = e;
  }
  getLength() {
    return 1;
  }
  getContent() {
    return [];
  }
  isCountable() {
    return !1;
  }
  copy() {
    return new C(this.key, this.value);
  }
  splice(t) {
    throw G();
  }
  mergeWith(t) {
    return !1;
  }
  integrate(t, e) {
    const s = e.parent;
    s._searchMarker = null, s._hasFormatting = !0;
  }
  delete(t) {
  }
  gc(t) {
  }
  write(t, e) {
    t.writeKey(this.key), t.writeJSON(this.value);
  }
  getRef() {
    return 6;
  }
}
const jh = (n) => new C(n.readKey(), n.readJSON());
class Mt {
  constructor(t) {
    this.arr = t;
  }
  getLength() {
    return this.arr.length;
  }
  getContent() {
    return this.arr;
  }
  isCountable() {
    return !0;
  }
  copy() {
    return new Mt(this.arr);
  }
  splice(t) {
    const e = new Mt(this.arr.slice(t));
    return this.arr = this.arr.slice(0, t), e;
  }
  mergeWith(t) {
    return this.arr = this.arr.concat(t.arr), !0;
  }
  integrate(t, e) {
  }
  delete(t) {
  }
  gc(t) {
  }
  write(t, e) {
    const s = this.arr.length;
    t.writeLen(s - e);
    for (let r = e; r < s; r++) {
      const i = this.arr[r];
      t.writeString(i === void 0 ? "undefined" : JSON.stringify(i));
    }
  }
  getRef() {
    return 2;
  }
}
const Fh = (n) => {
  const t = n.readLen(), e = [];
  for (let s = 0; s < t; s++) {
    const r = n.readString();
    r === "undefined" ? e.push(void 0) : e.push(JSON.parse(r));
  }
  return new Mt(e);
}, $h = ze("node_env") === "development";
class K {
  constructor(t) {
    this.arr = t, $h && jr(t);
  }
  getLength() {
    return this.arr.length;
  }
  getContent() {
    return this.arr;
  }
  isCountable() {
    return !0;
  }
  copy() {
    return new K(this.arr);
  }
  splice(t) {
    const e = new K(this.arr.slice(t));
    return this.arr = this.arr.slice(0, t), e;
  }
  mergeWith(t) {
    return this.arr = this.arr.concat(t.arr), !0;
  }
  integrate(t, e) {
  }
  delete(t) {
  }
  gc(t) {
  }
  write(t, e) {
    const s = this.arr.length;
    t.writeLen(s - e);
    for (let r = e; r < s; r++) {
      const i = this.arr[r];
      t.writeAny(i);
    }
  }
  getRef() {
    return 8;
  }
}
const Vh = (n) => {
  const t = n.readLen(), e = [];
  for (let s = 0; s < t; s++) e.push(n.readAny());
  return new K(e);
};
class j {
  constructor(t) {
    this.str = t;
  }
  getLength() {
    return this.str.length;
  }
  getContent() {
    return this.str.split("");
  }
  isCountable() {
    return !0;
  }
  copy() {
    return new j(this.str);
  }
  splice(t) {
    const e = new j(this.str.slice(t));
    this.str = this.str.slice(0, t);
    const s = this.str.charCodeAt(t - 1);
    return s >= 55296 && s <= 56319 && (this.str = this.str.slice(0, t - 1) + "�", e.str = "�" + e.str.slice(1)), e;
  }
  mergeWith(t) {
    return this.str += t.str, !0;
  }
  integrate(t, e) {
  }
  delete(t) {
  }
  gc(t) {
  }
  write(t, e) {
    t.writeString(e === 0 ? this.str : this.str.slice(e));
  }
  getRef() {
    return 4;
  }
}
const qh = (n) => new j(n.readString()), Wh = [Ch, Th, Dh, Rh, Oh, Ih, Lh], zh = 0, Jh = 1, Hh = 2, Kh = 3, Yh = 4, Xh = 5, Gh = 6;
class X {
  constructor(t) {
    this.type = t;
  }
  getLength() {
    return 1;
  }
  getContent() {
    return [this.type];
  }
  isCountable() {
    return !0;
  }
  copy() {
    return new X(this.type._copy());
  }
  splice(t) {
    throw G();
  }
  mergeWith(t) {
    return !1;
  }
  integrate(t, e) {
    this.type._integrate(t.doc, e);
  }
  delete(t) {
    let e = this.type._start;
    for (; e !== null; ) e.deleted ? e.id.clock < (t.beforeState.get(e.id.client) || 0) && t._mergeStructs.push(e) : e.delete(t), e = e.right;
    this.type._map.forEach((s) => {
      s.deleted ? s.id.clock < (t.beforeState.get(s.id.client) || 0) && t._mergeStructs.push(s) : s.delete(t);
    }), t.changed.delete(this.type);
  }
  gc(t) {
    let e = this.type._start;
    for (; e !== null; ) e.gc(t, !0), e = e.right;
    this.type._start = null, this.type._map.forEach((s) => {
      for (; s !== null; ) s.gc(t, !0), s = s.left;
    }), this.type._map = /* @__PURE__ */ new Map();
  }
  write(t, e) {
    this.type._write(t);
  }
  getRef() {
    return 7;
  }
}
const Zh = (n) => new X(Wh[n.readTypeRef()](n)), Kn = (n, t) => {
  let e = t, s = 0, r;
  do
    s > 0 && (e = m(e.client, e.clock + s)), r = Rt(n, e), s = e.clock - r.id.clock, e = r.redone;
  while (e !== null && r instanceof k);
  return { item: r, diff: s };
}, xs = (n, t) => {
  for (; n !== null && n.keep !== t; ) n.keep = t, n = n.parent._item;
}, Xe = (n, t, e) => {
  const { client: s, clock: r } = t.id, i = new k(m(s, r + e), t, m(s, r + e - 1), t.right, t.rightOrigin, t.parent, t.parentSub, t.content.splice(e));
  return t.deleted && i.markDeleted(), t.keep && (i.keep = !0), t.redone !== null && (i.redone = m(t.redone.client, t.redone.clock + e)), t.right = i, i.right !== null && (i.right.left = i), n._mergeStructs.push(i), i.parentSub !== null && i.right === null && i.parent._map.set(i.parentSub, i), t.length = e, i;
}, hr = (n, t) => ns(n, (e) => Pt(e.deletions, t)), io = (n, t, e, s, r, i) => {
  const o = n.doc, c = o.store, l = o.clientID, a = t.redone;
  if (a !== null) return U(n, a);
  let h = t.parent._item, u = null, d;
  if (h !== null && h.deleted === !0) {
    if (h.redone === null && (!e.has(h) || io(n, h, e, s, r, i) === null)) return null;
    for (; h.redone !== null; ) h = U(n, h.redone);
  }
  const p = h === null ? t.parent : h.content.type;
  if (t.parentSub === null) {
    for (u = t.left, d = t; u !== null; ) {
      let v = u;
      for (; v !== null && v.parent._item !== h; ) v = v.redone === null ? null : U(n, v.redone);
      if (v !== null && v.parent._item === h) {
        u = v;
        break;
      }
      u = u.left;
    }
    for (; d !== null; ) {
      let v = d;
      for (; v !== null && v.parent._item !== h; ) v = v.redone === null ? null : U(n, v.redone);
      if (v !== null && v.parent._item === h) {
        d = v;
        break;
      }
      d = d.right;
    }
  } else {
    if (d = null, t.right && !r) {
      for (u = t; u !== null && u.right !== null && (u.right.redone || Pt(s, u.right.id) || hr(i.undoStack, u.right.id) || hr(i.redoStack, u.right.id)); ) for (u = u.right; u.redone; ) u = U(n, u.redone);
      if (u && u.right !== null) return null;
    } else u = p._map.get(t.parentSub) || null;
    u !== null && u.parent._item !== h && (u = p._map.get(t.parentSub) || null);
  }
  const f = S(c, l), w = m(l, f), E = new k(w, u, u && u.lastId, d, d && d.id, p, t.parentSub, t.content.copy());
  return t.redone = w, xs(E, !0), E.integrate(n, 0), E;
};
class k extends _n {
  constructor(t, e, s, r, i, o, c, l) {
    super(t, l.getLength()), this.origin = s, this.left = e, this.right = r, this.rightOrigin = i, this.parent = o, this.parentSub = c, this.redone = null, this.content = l, this.info = this.content.isCountable() ? js : 0;
  }
  set marker(t) {
    (this.info & En) > 0 !== t && (this.info ^= En);
  }
  get marker() {
    return (this.info & En) > 0;
  }
  get keep() {
    return (this.info & Ps) > 0;
  }
  set keep(t) {
    this.keep !== t && (this.info ^= Ps);
  }
  get countable() {
    return (this.info & js) > 0;
  }
  get deleted() {
    return (this.info & Sn) > 0;
  }
  set deleted(t) {
    this.deleted !== t && (this.info ^= Sn);
  }
  markDeleted() {
    this.info |= Sn;
  }
  getMissing(t, e) {
    if (this.origin && this.origin.client !== this.id.client && this.origin.clock >= S(e, this.origin.client)) return this.origin.client;
    if (this.rightOrigin && this.rightOrigin.client !== this.id.client && this.rightOrigin.clock >= S(e, this.rightOrigin.client)) return this.rightOrigin.client;
    if (this.parent && this.parent.constructor === Ot && this.id.client !== this.parent.client && this.parent.clock >= S(e, this.parent.client)) return this.parent.client;
    if (this.origin && (this.left = Jn(t, e, this.origin), this.origin = this.left.lastId), this.rightOrigin && (this.right = U(t, this.rightOrigin), this.rightOrigin = this.right.id), this.left && this.left.constructor === B || this.right && this.right.constructor === B) this.parent = null;
    else if (!this.parent) this.left && this.left.constructor === k ? (this.parent = this.left.parent, this.parentSub = this.left.parentSub) : this.right && this.right.constructor === k && (this.parent = this.right.parent, this.parentSub = this.right.parentSub);
    else if (this.parent.constructor === Ot) {
      const s = Rt(e, this.parent);
      s.constructor === B ? this.parent = null : this.parent = s.content.type;
    }
    return null;
  }
  integrate(t, e) {
    if (e > 0 && (this.id.clock += e, this.left = Jn(t, t.doc.store, m(this.id.client, this.id.clock - 1)), this.origin = this.left.lastId, this.content = this.content.splice(e), this.length -= e), this.parent) {
      if (!this.left && (!this.right || this.right.left !== null) || this.left && this.left.right !== this.right) {
        let s = this.left, r;
        if (s !== null) r = s.right;
        else if (this.parentSub !== null) for (r = this.parent._map.get(this.parentSub) || null; r !== null && r.left !== null; ) r = r.left;
        else r = this.parent._start;
        const i = /* @__PURE__ */ new Set(), o = /* @__PURE__ */ new Set();
        for (; r !== null && r !== this.right; ) {
          if (o.add(r), i.add(r), xt(this.origin, r.origin)) {
            if (r.id.client < this.id.client) s = r, i.clear();
            else if (xt(this.rightOrigin, r.rightOrigin)) break;
          } else if (r.origin !== null && o.has(Rt(t.doc.store, r.origin))) i.has(Rt(t.doc.store, r.origin)) || (s = r, i.clear());
          else break;
          r = r.right;
        }
        this.left = s;
      }
      if (this.left !== null) {
        const s = this.left.right;
        this.right = s, this.left.right = this;
      } else {
        let s;
        if (this.parentSub !== null) for (s = this.parent._map.get(this.parentSub) || null; s !== null && s.left !== null; ) s = s.left;
        else s = this.parent._start, this.parent._start = this;
        this.right = s;
      }
      this.right !== null ? this.right.left = this : this.parentSub !== null && (this.parent._map.set(this.parentSub, this), this.left !== null && this.left.delete(t)), this.parentSub === null && this.countable && !this.deleted && (this.parent._length += this.length), Si(t.doc.store, this), this.content.integrate(t, this), nr(t, this.parent, this.parentSub), (this.parent._item !== null && this.parent._item.deleted || this.parentSub !== null && this.right !== null) && this.delete(t);
    } else new B(this.id, this.length).integrate(t, 0);
  }
  get next() {
    let t = this.right;
    for (; t !== null && t.deleted; ) t = t.right;
    return t;
  }
  get prev() {
    let t = this.left;
    for (; t !== null && t.deleted; ) t = t.left;
    return t;
  }
  get lastId() {
    return this.length === 1 ? this.id : m(this.id.client, this.id.clock + this.length - 1);
  }
  mergeWith(t) {
    if (this.constructor === t.constructor && xt(t.origin, this.lastId) && this.right === t && xt(this.rightOrigin, t.rightOrigin) && this.id.client === t.id.client && this.id.clock + this.length === t.id.clock && this.deleted === t.deleted && this.redone === null && t.redone === null && this.content.constructor === t.content.constructor && this.content.mergeWith(t.content)) {
      const e = this.parent._searchMarker;
      return e && e.forEach((s) => {
        s.p === t && (s.p = this, !this.deleted && this.countable && (s.index -= this.length));
      }), t.keep && (this.keep = !0), this.right = t.right, this.right !== null && (this.right.left = this), this.length += t.length, !0;
    }
    return !1;
  }
  delete(t) {
    if (!this.deleted) {
      const e = this.parent;
      this.countable && this.parentSub === null && (e._length -= this.length), this.markDeleted(), me(t.deleteSet, this.id.client, this.id.clock, this.length), nr(t, e, this.parentSub), this.content.delete(t);
    }
  }
  gc(t, e) {
    if (!this.deleted) throw M();
    this.content.gc(t), e ? rh(t, this, new B(this.id, this.length)) : this.content = new Ct(this.length);
  }
  write(t, e) {
    const s = e > 0 ? m(this.id.client, this.id.clock + e - 1) : this.origin, r = this.rightOrigin, i = this.parentSub, o = this.content.getRef() & Qe | (s === null ? 0 : W) | (r === null ? 0 : lt) | (i === null ? 0 : ce);
    if (t.writeInfo(o), s !== null && t.writeLeftID(s), r !== null && t.writeRightID(r), s === null && r === null) {
      const c = this.parent;
      if (c._item !== void 0) {
        const l = c._item;
        if (l === null) {
          const a = ys(c);
          t.writeParentInfo(!0), t.writeString(a);
        } else t.writeParentInfo(!1), t.writeLeftID(l.id);
      } else c.constructor === String ? (t.writeParentInfo(!0), t.writeString(c)) : c.constructor === Ot ? (t.writeParentInfo(!1), t.writeLeftID(c)) : M();
      i !== null && t.writeString(i);
    }
    this.content.write(t, e);
  }
}
const oo = (n, t) => Qh[t & Qe](n), Qh = [() => {
  M();
}, Mh, Fh, Uh, qh, Ph, jh, Zh, Vh, Bh, () => {
  M();
}], ta = 10;
class P extends _n {
  get deleted() {
    return !0;
  }
  delete() {
  }
  mergeWith(t) {
    return this.constructor !== t.constructor ? !1 : (this.length += t.length, !0);
  }
  integrate(t, e) {
    M();
  }
  write(t, e) {
    t.writeInfo(ta), g(t.restEncoder, this.length - e);
  }
  getMissing(t, e) {
    return null;
  }
}
const ar = typeof globalThis < "u" ? globalThis : typeof window < "u" ? window : typeof global < "u" ? global : {}, ur = "__ $YJS$ __";
ar[ur] === !0 && console.error("Yjs was already imported. This breaks constructor checks and will lead to issues! - https://github.com/yjs/yjs/issues/438"), ar[ur] = !0;
const pd = Object.freeze(Object.defineProperty({ __proto__: null, AbsolutePosition: bi, AbstractConnector: Cl, AbstractStruct: _n, AbstractType: A, Array: ht, ContentAny: K, ContentBinary: At, ContentDeleted: Ct, ContentDoc: jt, ContentEmbed: ot, ContentFormat: C, ContentJSON: Mt, ContentString: j, ContentType: X, Doc: pt, GC: B, ID: Ot, Item: k, Map: vt, PermanentUserData: Bl, RelativePosition: yn, Skip: P, Snapshot: ws, Text: Ut, Transaction: Ci, UndoManager: ch, UpdateDecoderV1: Y, UpdateDecoderV2: z, UpdateEncoderV1: ft, UpdateEncoderV2: tt, XmlElement: Et, XmlFragment: St, XmlHook: Zt, XmlText: ve, YArrayEvent: Yi, YEvent: Ae, YMapEvent: Xi, YTextEvent: no, YXmlEvent: so, applyUpdate: Xt, applyUpdateV2: gn, cleanupYTextFormatting: eo, compareIDs: xt, compareRelativePositions: Kl, convertUpdateFormatV1ToV2: gh, convertUpdateFormatV2ToV1: Mi, createAbsolutePositionFromRelativePosition: Hl, createDeleteSet: dn, createDeleteSetFromStructStore: pn, createDocFromSnapshot: th, createID: m, createRelativePositionFromJSON: jl, createRelativePositionFromTypeIndex: $l, createSnapshot: bs, decodeRelativePosition: zl, decodeSnapshot: Gl, decodeSnapshotV2: _i, decodeStateVector: Ce, decodeUpdate: ks, decodeUpdateV2: Oi, diffUpdate: dh, diffUpdateV2: Ss, emptySnapshot: Zl, encodeRelativePosition: ql, encodeSnapshot: Xl, encodeSnapshotV2: ki, encodeStateAsUpdate: mn, encodeStateAsUpdateV2: mi, encodeStateVector: Gt, encodeStateVectorFromUpdate: ah, encodeStateVectorFromUpdateV2: Ri, equalDeleteSets: pi, equalSnapshots: Yl, findIndexSS: J, findRootTypeKey: ys, getItem: Rt, getItemCleanEnd: Jn, getItemCleanStart: U, getState: S, getTypeChildren: kh, isDeleted: Pt, isParentOf: we, iterateDeletedStructs: Lt, logType: Ml, logUpdate: hh, logUpdateV2: Di, mergeDeleteSets: Nt, mergeUpdates: vs, mergeUpdatesV2: be, obfuscateUpdate: ph, obfuscateUpdateV2: fh, parseUpdateMeta: Li, parseUpdateMetaV2: Ii, readUpdate: Rl, readUpdateV2: gs, relativePositionToJSON: Pl, snapshot: Ql, snapshotContainsUpdate: nh, transact: _, tryGc: ih, typeListToArraySnapshot: _h, typeMapGetAllSnapshot: Ki, typeMapGetSnapshot: Eh }, Symbol.toStringTag, { value: "Module" })), In = 3e4;
class ea extends Ir {
  constructor(t) {
    super(), this.doc = t, this.clientID = t.clientID, this.states = /* @__PURE__ */ new Map(), this.meta = /* @__PURE__ */ new Map(), this._checkInterval = setInterval(() => {
      const e = de();
      this.getLocalState() !== null && In / 2 <= e - this.meta.get(this.clientID).lastUpdated && this.setLocalState(this.getLocalState());
      const s = [];
      this.meta.forEach((r, i) => {
        i !== this.clientID && In <= e - r.lastUpdated && this.states.has(i) && s.push(i);
      }), s.length > 0 && co(this, s, "timeout");
    }, Z(In / 10)), t.on("destroy", () => {
      this.destroy();
    }), this.setLocalState({});
  }
  destroy() {
    this.emit("destroy", [this]), this.setLocalState(null), super.destroy(), clearInterval(this._checkInterval);
  }
  getLocalState() {
    return this.states.get(this.clientID) || null;
  }
  setLocalState(t) {
    const e = this.clientID, s = this.meta.get(e), r = s === void 0 ? 0 : s.clock + 1, i = this.states.get(e);
    t === null ? this.states.delete(e) : this.states.set(e, t), this.meta.set(e, { clock: r, lastUpdated: de() });
    const o = [], c = [], l = [], a = [];
    t === null ? a.push(e) : i == null ? t != null && o.push(e) : (c.push(e), qt(i, t) || l.push(e)), (o.length > 0 || l.length > 0 || a.length > 0) && this.emit("change", [{ added: o, updated: l, removed: a }, "local"]), this.emit("update", [{ added: o, updated: c, removed: a }, "local"]);
  }
  setLocalStateField(t, e) {
    const s = this.getLocalState();
    s !== null && this.setLocalState({ ...s, [t]: e });
  }
  getStates() {
    return this.states;
  }
}
const co = (n, t, e) => {
  const s = [];
  for (let r = 0; r < t.length; r++) {
    const i = t[r];
    if (n.states.has(i)) {
      if (n.states.delete(i), i === n.clientID) {
        const o = n.meta.get(i);
        n.meta.set(i, { clock: o.clock + 1, lastUpdated: de() });
      }
      s.push(i);
    }
  }
  s.length > 0 && (n.emit("change", [{ added: [], updated: [], removed: s }, e]), n.emit("update", [{ added: [], updated: [], removed: s }, e]));
}, na = (n, t, e = n.states) => {
  const s = t.length, r = it();
  g(r, s);
  for (let i = 0; i < s; i++) {
    const o = t[i], c = e.get(o) || null, l = n.meta.get(o).clock;
    g(r, o), g(r, l), bt(r, JSON.stringify(c));
  }
  return I(r);
}, sa = (n, t, e) => {
  const s = N(t), r = de(), i = [], o = [], c = [], l = [], a = y(s);
  for (let h = 0; h < a; h++) {
    const u = y(s);
    let d = y(s);
    const p = JSON.parse(kt(s)), f = n.meta.get(u), w = n.states.get(u), E = f === void 0 ? 0 : f.clock;
    (E < d || E === d && p === null && n.states.has(u)) && (p === null ? u === n.clientID && n.getLocalState() != null ? d++ : n.states.delete(u) : n.states.set(u, p), n.meta.set(u, { clock: d, lastUpdated: r }), f === void 0 && p !== null ? i.push(u) : f !== void 0 && p === null ? l.push(u) : p !== null && (qt(p, w) || c.push(u), o.push(u)));
  }
  (i.length > 0 || c.length > 0 || l.length > 0) && n.emit("change", [{ added: i, updated: c, removed: l }, e]), (i.length > 0 || o.length > 0 || l.length > 0) && n.emit("update", [{ added: i, updated: o, removed: l }, e]);
};
function ra(n, t) {
  const e = globalThis.location?.origin;
  let s = null;
  try {
    s = new URL(n, e);
  } catch {
  }
  if (s === null || !/^https?:$/.test(s.protocol)) throw new TypeError(`“${n}” is not the address of a server, such as https://example.org`);
  const r = s.pathname.replace(/\/+$/, "");
  return { origin: s.origin, base: `${s.origin}${r}`, path: t ?? `${r}/socket.io/` };
}
const ia = ["invalid_document", "invalid_payload", "invalid_update", "missing_dependencies", "unknown_event", "unauthorized", "token_expired", "forbidden", "read_only", "not_found", "document_deleted", "document_exists", "document_full", "document_too_large", "update_too_large", "too_many_connections", "too_many_documents", "rate_limited", "lagging", "storage_unavailable", "cluster_degraded", "draining", "store_full", "internal"];
class Yn extends Error {
  constructor(t) {
    super(t.message), this.name = "CollabError", this.code = t.code, this.retryable = t.retryable, t.retry_after !== void 0 && (this.retry_after = t.retry_after);
  }
}
const dr = /* @__PURE__ */ new Set(["storage_unavailable", "rate_limited", "cluster_degraded", "internal", "draining", "store_full"]), pr = { invalid_document: "Go back and choose another name.", invalid_payload: "Reload the page.", invalid_update: "Your copy is kept here. Copy what you need, then reload.", unauthorized: "Open this page with a link that includes access.", token_expired: "Renew to go on.", forbidden: "Ask somebody who has access for a link.", read_only: "Ask for the right to edit.", not_found: "Check the address.", document_deleted: "What you see can be copied, but no longer changed.", document_full: "Try again in a minute.", document_too_large: "Delete something, or start another document.", update_too_large: "Undo the last step and add it in smaller parts.", too_many_connections: "Close some tabs.", too_many_documents: "Close some documents.", store_full: "What you have is kept here. Delete what is not needed, or ask who runs the server." };
function oa({ code: n, message: t }) {
  const e = Object.hasOwn(pr, n) ? pr[n] ?? "" : "";
  return t.includes(e) ? "" : e;
}
function fd(n) {
  return [n.message, oa(n)].filter(Boolean).join(" ");
}
function _t(n) {
  if (typeof n != "object" || n === null) return null;
  const { code: t, message: e } = n;
  if (typeof t != "string") return null;
  const s = n.retryable === !0, r = ca(t);
  return { ...n, ...r ? {} : { said: t }, code: r ? t : "internal", message: typeof e == "string" ? e : t, retryable: s };
}
function ca(n) {
  return ia.includes(n);
}
const lo = new Uint8Array([0, 0]);
class la {
  constructor() {
    this.uncovered = 0, this.unsent = [], this.held = [], this.inFlight = /* @__PURE__ */ new Set(), this.accepting = !1;
  }
  get unsaved() {
    return this.uncovered + Vt(this.unsent) + Vt(this.held) + Vt(this.inFlight);
  }
  get hasUnsent() {
    return this.unsent.length > 0;
  }
  get hasHeld() {
    return this.held.length > 0;
  }
  add(t, e = 1) {
    this.accepting ? this.unsent.push({ update: t, changes: e }) : this.uncovered += e;
  }
  inherit(t) {
    this.uncovered += t;
  }
  take() {
    if (this.unsent.length === 0) return null;
    const t = ha(this.unsent);
    return this.unsent = [], this.inFlight.add(t), t;
  }
  resync(t) {
    const e = this.uncovered + Vt(this.unsent) + Vt(this.held);
    if (this.uncovered = 0, this.unsent = [], this.held = [], this.accepting = !0, t === null && e === 0) return null;
    const s = { update: t ?? lo, changes: e };
    return this.inFlight.add(s), s;
  }
  settle(t) {
    this.inFlight.delete(t);
  }
  hold(t) {
    this.inFlight.delete(t) && this.held.push(t);
  }
  release() {
    this.unsent = [...this.held, ...this.unsent], this.held = [];
  }
  uncover(t) {
    this.inFlight.delete(t) && (this.uncovered += t.changes);
  }
  lose() {
    this.uncovered = this.unsaved, this.unsent = [], this.held = [], this.inFlight.clear(), this.accepting = !1;
  }
}
function Vt(n) {
  let t = 0;
  for (const e of n) t += e.changes;
  return t;
}
function ha(n) {
  const t = n[0];
  return t !== void 0 && n.length === 1 ? t : { update: vs(n.map((e) => e.update)), changes: Vt(n) };
}
const Be = 256 * 1024, aa = 2e3;
class ho {
  constructor(t, e, s = {}) {
    this.doc = t, this.goals = [], this.deletions = null, this.allDeletions = () => {
      const r = /* @__PURE__ */ new Map();
      for (const [i, o] of pn(this.doc.store).clients) {
        const c = this.given.get(i) ?? 0, l = o.filter(({ clock: a }) => a < c).map(({ clock: a, len: h }) => ({ clock: a, len: Math.min(h, c - a) }));
        l.length > 0 && r.set(i, l);
      }
      return r;
    }, this.to = s.to ?? pa(t), this.bytes = s.bytes ?? Be, this.structs = s.structs ?? aa, this.alone = s.alone ?? (() => !1), this.listDeletions = s.deletions ?? this.allDeletions, this.given = new Map([...this.to.keys()].map((r) => [r, e.get(r) ?? 0])), this.clients = [...this.to.keys()].sort((r, i) => i - r), this.total = this.left();
  }
  get progress() {
    return this.total === 0 ? 1 : 1 - this.left() / this.total;
  }
  next() {
    const t = this.nextStructs();
    return t !== null ? t : (this.deletions ??= wa(this.listDeletions(), this.bytes), this.deletions.shift() ?? null);
  }
  left() {
    let t = 0;
    for (const [e, s] of this.to) t += Math.max(0, s - (this.given.get(e) ?? 0));
    return t;
  }
  nextStructs() {
    const t = new ya();
    for (; t.structs < this.structs; ) {
      const e = this.following();
      if (e === null) break;
      const { client: s } = e.id, r = this.given.get(s) ?? e.id.clock, i = this.alone(s, r);
      if (i && t.structs > 0) break;
      const o = this.bytes - t.size, c = ma(e, r - e.id.clock, o);
      if (t.structs > 0 && c.bytes.byteLength > o || (t.add(s, r, c.length, c.bytes), this.given.set(s, r + c.length), i || t.size >= this.bytes)) break;
    }
    return t.structs > 0 ? t.finish() : null;
  }
  following() {
    for (; ; ) {
      let t = this.goals.at(-1);
      if (t === void 0) {
        const r = this.clients.find((i) => this.lacks(i, (this.to.get(i) ?? 0) - 1));
        if (r === void 0) return null;
        t = { client: r, clock: (this.to.get(r) ?? 0) - 1 }, this.goals.push(t);
      }
      if (!this.lacks(t.client, t.clock)) {
        this.goals.pop();
        continue;
      }
      const e = fa(this.doc, t.client, this.given.get(t.client) ?? 0), s = ga(e).find((r) => r.client !== t.client && this.lacks(r.client, r.clock));
      if (s === void 0) return e;
      this.goals.push(s);
    }
  }
  lacks(t, e) {
    const s = this.given.get(t);
    return s !== void 0 && s <= e && e < (this.to.get(t) ?? 0);
  }
}
function ao(n) {
  const { from: t, to: e } = Li(n);
  return [...t].map(([s, r]) => ({ client: s, from: r, to: e.get(s) ?? r }));
}
function ua(n, t, e = {}, s = /* @__PURE__ */ new Map()) {
  const r = ao(t);
  return new ho(n, new Map(r.map(({ client: i, from: o }) => [i, Math.max(o, s.get(i) ?? 0)])), { ...e, to: new Map(r.map(({ client: i, to: o }) => [i, o])), deletions: () => ks(t).ds.clients });
}
function da(n) {
  const t = /* @__PURE__ */ new Map();
  for (const { client: s, from: r, to: i } of n) t.set(s, [...t.get(s) ?? [], { clock: r, len: i - r }]);
  const e = it();
  return g(e, 0), po(e, t), I(e);
}
function pa(n) {
  return Ce(Gt(n));
}
function fa(n, t, e) {
  const s = n.store.clients.get(t);
  return s[J(s, e)];
}
function uo(n) {
  return n.parent?._item ?? null;
}
function ga(n) {
  if (!(n instanceof k)) return [];
  const t = uo(n);
  return [n.origin, n.rightOrigin, t?.id ?? null].filter((e) => e !== null);
}
function ma(n, t, e) {
  let s = n.length - t;
  if (!(n instanceof k) || n.deleted && uo(n)?.deleted === !0) return { bytes: se(new B(n.id, n.length), t), length: s };
  if (n.deleted) return { bytes: se(Ln(n, new Ct(n.length)), t), length: s };
  const { content: r } = n;
  if (r instanceof j) for (s = Math.min(s, Math.max(1024, e)); ; ) {
    const o = r.str.charCodeAt(t + s - 1);
    o >= 55296 && o <= 56319 && t + s < r.str.length && (s += 1);
    const c = new j(r.str.slice(t, t + s)), l = se(Ln(n, c, t), 0);
    if (l.byteLength <= e || s <= 1024) return { bytes: l, length: s };
    s = Math.max(1024, Math.floor(s * e / l.byteLength) - 64);
  }
  let i = se(n, t);
  if (r instanceof K) for (; i.byteLength > e && s > 1; ) s = Math.ceil(s / 2), i = se(Ln(n, new K(r.arr.slice(t, t + s)), t), 0);
  return { bytes: i, length: s };
}
function Ln(n, t, e = 0) {
  const { client: s, clock: r } = n.id, i = e > 0 ? m(s, r + e - 1) : n.origin;
  return new k(m(s, r + e), null, i, null, n.rightOrigin, n.parent, n.parentSub, t);
}
function se(n, t) {
  const e = new ft();
  return n.write(e, t), I(e.restEncoder);
}
class ya {
  constructor() {
    this.size = 16, this.structs = 0, this.clients = /* @__PURE__ */ new Map();
  }
  add(t, e, s, r) {
    let i = this.clients.get(t);
    i === void 0 && (i = { from: e, to: e, written: [] }, this.clients.set(t, i), this.size += 24), i.to += s, i.written.push(r), this.size += r.byteLength, this.structs += 1;
  }
  finish() {
    const t = it();
    g(t, this.clients.size);
    for (const [s, { from: r, written: i }] of this.clients) {
      g(t, i.length), g(t, s), g(t, r);
      for (const o of i) Qt(t, o);
    }
    g(t, 0);
    const e = [...this.clients].map(([s, { from: r, to: i }]) => ({ client: s, from: r, to: i }));
    return { update: I(t), ranges: e, structs: this.structs };
  }
}
function po(n, t) {
  g(n, t.size);
  for (const [e, s] of t) {
    g(n, e), g(n, s.length);
    for (const { clock: r, len: i } of s) g(n, r), g(n, i);
  }
}
function wa(n, t) {
  const e = [], s = Math.max(1, Math.floor(t / 16));
  let r = /* @__PURE__ */ new Map(), i = 0;
  const o = () => {
    if (i === 0) return;
    const c = it();
    g(c, 0), po(c, r), e.push({ update: I(c), ranges: [], structs: 0 }), r = /* @__PURE__ */ new Map(), i = 0;
  };
  for (const [c, l] of n) for (const a of l) {
    const h = r.get(c) ?? [];
    h.push(a), r.set(c, h), i += 1, i >= s && o();
  }
  return o(), e;
}
const fr = /* @__PURE__ */ new Set(["update_too_large", "invalid_update", "invalid_payload"]);
function ba(n, t, e) {
  let s = "";
  const r = [];
  for (const i of ks(n).structs) {
    if (!(i instanceof k)) continue;
    const { content: o, parentSub: c } = i;
    if (o instanceof j) s += o.str;
    else if (o instanceof K || o instanceof Mt) for (const l of o.getContent()) r.push({ key: c, value: l });
    else o instanceof ot ? r.push({ key: c, value: o.embed }) : o instanceof At && r.push({ key: c, value: `${o.content.byteLength} bytes` });
  }
  return { fault: t, at: e, text: s, values: r, bytes: n.byteLength };
}
function gd({ text: n, values: t }) {
  const e = t.map(({ key: s, value: r }) => {
    const i = typeof r == "string" ? r : JSON.stringify(r, null, 2);
    return s === null ? i : `${s}: ${i}`;
  });
  return [n, ...e].filter((s) => s !== "").join(`
`);
}
const ka = 4, _a = 1024 * 1024;
class Ge {
  constructor(t, e, s, r) {
    this.batch = t, this.parts = e, this.again = s, this.resync = r, this.underWay = /* @__PURE__ */ new Set(), this.acked = /* @__PURE__ */ new Map(), this.held = [], this.bytes = 0, this.exhausted = !1;
  }
  get done() {
    return this.exhausted && this.underWay.size === 0 && this.held.length === 0;
  }
  get left() {
    return this.exhausted && this.held.length === 0;
  }
  get progress() {
    return this.parts.progress;
  }
  pump(t) {
    for (; this.underWay.size < ka && this.bytes < _a; ) {
      const e = this.held.shift() ?? (this.exhausted ? null : this.parts.next());
      if (e === null) {
        this.exhausted = !0;
        return;
      }
      this.underWay.add(e), this.bytes += e.update.byteLength, t(e);
    }
  }
  settle(t) {
    this.forget(t);
    for (const { client: e, to: s } of t.ranges) this.acked.set(e, Math.max(s, this.acked.get(e) ?? 0));
  }
  hold(t) {
    this.forget(t), this.held.push(t);
  }
  remade() {
    return new Ge(this.batch, this.again(this.acked), this.again, this.resync);
  }
  forget(t) {
    this.underWay.delete(t) && (this.bytes -= t.update.byteLength);
  }
}
function va(n, t) {
  const e = new Map(n);
  for (const [s, r] of t) e.set(s, Math.max(r, e.get(s) ?? 0));
  return e;
}
function gr(n, t, e) {
  return n.some((s) => s.client === t && s.from <= e && e < s.to);
}
const mr = 16, fo = /* @__PURE__ */ Symbol("refused by the server");
class Sa {
  constructor(t, e) {
    this.doc = t, this.options = e, this.position = null, this.localLate = !1, this.outbox = new la(), this.link = null, this.live = !1, this.writable = !1, this.serverVector = null, this.inheritedSettled = !1, this.shipment = null, this.suspects = [], this.limit = Be, this.interval = mr, this.lastSend = 0, this.flush = () => {
      if (clearTimeout(this.sendTimer), this.sendTimer = void 0, !this.live || this.shipment?.left === !1) return;
      const r = this.outbox.take();
      r !== null && (this.lastSend = performance.now(), r.update.byteLength > this.limit ? this.shipUpdate(r) : this.transmit(r));
    }, this.sendHeld = () => {
      clearTimeout(this.heldTimer), this.heldTimer = void 0, this.pump(), this.outbox.hasHeld && (this.outbox.release(), this.flush());
    }, this.writeLedger = () => {
      const { ledger: r } = this.options;
      clearTimeout(this.ledgerTimer), this.ledgerTimer = void 0;
      const i = this.inheritedSettled ? 0 : r?.inherited() ?? 0;
      r?.write(Math.max(0, this.outbox.unsaved - i));
    };
    const s = e.clean && Gt(t).length > 1;
    this.clean = e.clean && !s, this.outbox.inherit((e.ledger?.inherited() ?? 0) + (s ? 1 : 0)), this.counted = this.outbox.unsaved;
  }
  get unsaved() {
    return this.outbox.unsaved;
  }
  soil() {
    this.clean = !1;
  }
  add(t) {
    this.outbox.add(t), this.count(), this.request();
  }
  attach(t) {
    this.link = t, this.serverVector = null;
  }
  detach() {
    this.link = null, this.live = this.writable = !1, this.serverVector = null, clearTimeout(this.sendTimer), clearTimeout(this.heldTimer), this.sendTimer = this.heldTimer = void 0, this.drop(), this.outbox.lose();
  }
  compareWith(t) {
    this.serverVector = t, t !== null && this.sendMissing();
  }
  setWritable(t) {
    const e = t && !this.writable;
    this.writable = t, t ? e && this.sendMissing() : (this.drop(), this.outbox.lose(), this.count());
  }
  setLimit(t) {
    this.limit = Math.min(Be, t === void 0 ? Be : t * 0.9);
  }
  begin(t) {
    this.live = !0, this.interval = Math.max(mr, t ? 1100 / t : 0), this.flush();
  }
  request() {
    if (!this.outbox.hasUnsent || !this.live || this.sendTimer !== void 0) return;
    const t = this.lastSend + this.interval - performance.now();
    t <= 0 ? this.flush() : this.sendTimer = setTimeout(this.flush, t);
  }
  sendMissing() {
    const t = this.serverVector;
    if (t === null || this.link?.connected !== !0 || !this.writable) return;
    if (this.drop(), this.clean && this.outbox.unsaved === 0) {
      this.outbox.resync(null);
      return;
    }
    const e = Ce(t), s = (l) => new ho(this.doc, va(e, l), this.partsOptions), r = s(/* @__PURE__ */ new Map()), i = r.next(), o = i === null ? null : r.next(), c = this.outbox.resync(i?.update ?? null);
    c !== null && (o === null ? this.transmit(c, !0) : this.ship(new Ge(c, s(/* @__PURE__ */ new Map()), s, !0))), this.count();
  }
  get partsOptions() {
    return { bytes: this.limit, alone: (t, e) => gr(this.suspects, t, e) };
  }
  shipUpdate(t) {
    const { update: e } = t, s = (r) => ua(this.doc, e, this.partsOptions, r);
    this.ship(new Ge(t, s(/* @__PURE__ */ new Map()), s, !1));
  }
  ship(t) {
    this.shipment = t, this.pump();
  }
  pump() {
    const { shipment: t } = this;
    t !== null && (t.pump((e) => this.sendPart(t, e)), this.options.onProgress(t.done ? null : t.progress), t.left && this.request());
  }
  sendPart(t, e) {
    this.emit({ update: e.update, changes: 0 }, (s) => {
      if (this.shipment !== t) return;
      const r = s.ok ? null : _t(s.error);
      if (s.ok) t.settle(e), t.done && (this.shipment = null, this.settle(t.batch, s.position, t.resync));
      else if (r === null || dr.has(r.code)) {
        t.hold(e), this.waitWithHeld(r);
        return;
      } else if (fr.has(r.code) && this.setApart(e.update, e.structs, r)) {
        this.ship(t.remade());
        return;
      } else this.drop(), r.code !== "missing_dependencies" && this.options.onRejected(r);
      this.pump(), this.shipment === null && (this.options.onProgress(null), this.flush());
    });
  }
  drop() {
    this.shipment !== null && (this.outbox.uncover(this.shipment.batch), this.shipment = null, this.options.onProgress(null));
  }
  setApart(t, e, s) {
    const r = ao(t);
    if (r.length === 0) return !1;
    if (e > 1 && !r.every(({ client: o, from: c }) => gr(this.suspects, o, c))) return this.suspects = [...this.suspects, ...r], !0;
    const i = ba(t, s, Date.now());
    return i.text === "" && i.values.length === 0 ? !1 : (Xt(this.doc, da(r), fo), this.options.onRefused(i), !0);
  }
  waitWithHeld(t) {
    this.heldTimer ??= setTimeout(this.sendHeld, Math.max(1e3, 1e3 * (t?.retry_after ?? 1)));
  }
  transmit(t, e = !1) {
    this.emit(t, (s) => {
      s.ok ? this.settle(t, s.position, e) : this.reject(t, _t(s.error));
    });
  }
  emit(t, e) {
    const { link: s } = this;
    if (s === null) return;
    const { traffic: r } = this.options, i = performance.now();
    r.sentUpdates += 1, r.sentBytes += t.update.byteLength, s.waiting.set(t, i), s.send(t.update, (o) => {
      this.link === s && (s.waiting.delete(t), o.ok && (r.lastAckMs = performance.now() - i), e(o), this.count());
    });
  }
  settle(t, e, s) {
    this.outbox.settle(t), typeof e == "number" && (this.position = e), s && !this.inheritedSettled && !this.localLate && (this.inheritedSettled = !0, this.options.ledger?.settleInherited()), this.outbox.unsaved === 0 && this.options.onSaved();
  }
  reject(t, e) {
    if (e === null || dr.has(e.code)) {
      this.outbox.hold(t), this.waitWithHeld(e);
      return;
    }
    if (this.shipment === null && fr.has(e.code) && this.setApart(t.update, 1, e)) {
      this.shipUpdate(t);
      return;
    }
    this.outbox.uncover(t), e.code !== "missing_dependencies" && this.options.onRejected(e);
  }
  count() {
    const { unsaved: t } = this.outbox;
    if (t === this.counted) return;
    const e = t === 0 || this.counted === 0;
    this.counted = t, this.options.onCount(t), e ? this.writeLedger() : this.ledgerTimer ??= setTimeout(this.writeLedger, 250);
  }
}
class Ea {
  constructor(t, e, s) {
    this.page = e, this.storage = s, this.key = `collab:unsaved:${t}`, this.left = this.read();
  }
  inherited() {
    return Object.values(this.left).reduce((t, e) => t + e, 0);
  }
  write(t) {
    const e = this.read();
    t > 0 ? e[this.page] = t : delete e[this.page], this.store(e);
  }
  settleInherited() {
    const t = this.read();
    for (const [e, s] of Object.entries(this.left)) t[e] === s && delete t[e], delete this.left[e];
    this.store(t);
  }
  read() {
    try {
      const t = JSON.parse(this.storage.getItem(this.key) ?? "{}"), e = {};
      for (const [s, r] of Object.entries(t)) typeof r == "number" && r > 0 && (e[s] = r);
      return e;
    } catch {
      return {};
    }
  }
  store(t) {
    try {
      Object.keys(t).length === 0 ? this.storage.removeItem(this.key) : this.storage.setItem(this.key, JSON.stringify(t));
    } catch {
    }
  }
}
const nt = /* @__PURE__ */ Object.create(null);
nt.open = "0", nt.close = "1", nt.ping = "2", nt.pong = "3", nt.message = "4", nt.upgrade = "5", nt.noop = "6";
const Pe = /* @__PURE__ */ Object.create(null);
Object.keys(nt).forEach((n) => {
  Pe[nt[n]] = n;
});
const Xn = { type: "error", data: "parser error" }, go = typeof Blob == "function" || typeof Blob < "u" && Object.prototype.toString.call(Blob) === "[object BlobConstructor]", mo = typeof ArrayBuffer == "function", yo = (n) => typeof ArrayBuffer.isView == "function" ? ArrayBuffer.isView(n) : n && n.buffer instanceof ArrayBuffer, Ds = ({ type: n, data: t }, e, s) => go && t instanceof Blob ? e ? s(t) : yr(t, s) : mo && (t instanceof ArrayBuffer || yo(t)) ? e ? s(t) : yr(new Blob([t]), s) : s(nt[n] + (t || "")), yr = (n, t) => {
  const e = new FileReader();
  return e.onload = function() {
    const s = e.result.split(",")[1];
    t("b" + (s || ""));
  }, e.readAsDataURL(n);
};
function wr(n) {
  return n instanceof Uint8Array ? n : n instanceof ArrayBuffer ? new Uint8Array(n) : new Uint8Array(n.buffer, n.byteOffset, n.byteLength);
}
let Nn;
function Ca(n, t) {
  if (go && n.data instanceof Blob) return n.data.arrayBuffer().then(wr).then(t);
  if (mo && (n.data instanceof ArrayBuffer || yo(n.data))) return t(wr(n.data));
  Ds(n, !1, (e) => {
    Nn || (Nn = new TextEncoder()), t(Nn.encode(e));
  });
}
const br = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", re = typeof Uint8Array > "u" ? [] : new Uint8Array(256);
for (let n = 0; n < br.length; n++) re[br.charCodeAt(n)] = n;
const Ta = (n) => {
  let t = n.length * 0.75, e = n.length, s, r = 0, i, o, c, l;
  n[n.length - 1] === "=" && (t--, n[n.length - 2] === "=" && t--);
  const a = new ArrayBuffer(t), h = new Uint8Array(a);
  for (s = 0; s < e; s += 4) i = re[n.charCodeAt(s)], o = re[n.charCodeAt(s + 1)], c = re[n.charCodeAt(s + 2)], l = re[n.charCodeAt(s + 3)], h[r++] = i << 2 | o >> 4, h[r++] = (o & 15) << 4 | c >> 2, h[r++] = (c & 3) << 6 | l & 63;
  return a;
}, Aa = typeof ArrayBuffer == "function", Os = (n, t) => {
  if (typeof n != "string") return { type: "message", data: wo(n, t) };
  const e = n.charAt(0);
  return e === "b" ? { type: "message", data: xa(n.substring(1), t) } : Pe[e] ? n.length > 1 ? { type: Pe[e], data: n.substring(1) } : { type: Pe[e] } : Xn;
}, xa = (n, t) => {
  if (Aa) {
    const e = Ta(n);
    return wo(e, t);
  } else return { base64: !0, data: n };
}, wo = (n, t) => t === "blob" ? n instanceof Blob ? n : new Blob([n]) : n instanceof ArrayBuffer ? n : n.buffer, bo = "", Da = (n, t) => {
  const e = n.length, s = new Array(e);
  let r = 0;
  n.forEach((i, o) => {
    Ds(i, !1, (c) => {
      s[o] = c, ++r === e && t(s.join(bo));
    });
  });
}, Oa = (n, t) => {
  const e = n.split(bo), s = [];
  for (let r = 0; r < e.length; r++) {
    const i = Os(e[r], t);
    if (s.push(i), i.type === "error") break;
  }
  return s;
};
function Ra() {
  return new TransformStream({ transform(n, t) {
    Ca(n, (e) => {
      const s = e.length;
      let r;
      if (s < 126) r = new Uint8Array(1), new DataView(r.buffer).setUint8(0, s);
      else if (s < 65536) {
        r = new Uint8Array(3);
        const i = new DataView(r.buffer);
        i.setUint8(0, 126), i.setUint16(1, s);
      } else {
        r = new Uint8Array(9);
        const i = new DataView(r.buffer);
        i.setUint8(0, 127), i.setBigUint64(1, BigInt(s));
      }
      n.data && typeof n.data != "string" && (r[0] |= 128), t.enqueue(r), t.enqueue(e);
    });
  } });
}
let Un;
function Re(n) {
  return n.reduce((t, e) => t + e.length, 0);
}
function Ie(n, t) {
  if (n[0].length === t) return n.shift();
  const e = new Uint8Array(t);
  let s = 0;
  for (let r = 0; r < t; r++) e[r] = n[0][s++], s === n[0].length && (n.shift(), s = 0);
  return n.length && s < n[0].length && (n[0] = n[0].slice(s)), e;
}
function Ia(n, t) {
  Un || (Un = new TextDecoder());
  const e = [];
  let s = 0, r = -1, i = !1;
  return new TransformStream({ transform(o, c) {
    for (e.push(o); ; ) {
      if (s === 0) {
        if (Re(e) < 1) break;
        const l = Ie(e, 1);
        i = (l[0] & 128) === 128, r = l[0] & 127, r < 126 ? s = 3 : r === 126 ? s = 1 : s = 2;
      } else if (s === 1) {
        if (Re(e) < 2) break;
        const l = Ie(e, 2);
        r = new DataView(l.buffer, l.byteOffset, l.length).getUint16(0), s = 3;
      } else if (s === 2) {
        if (Re(e) < 8) break;
        const l = Ie(e, 8), a = new DataView(l.buffer, l.byteOffset, l.length), h = a.getUint32(0);
        if (h > Math.pow(2, 21) - 1) {
          c.enqueue(Xn);
          break;
        }
        r = h * Math.pow(2, 32) + a.getUint32(4), s = 3;
      } else {
        if (Re(e) < r) break;
        const l = Ie(e, r);
        c.enqueue(Os(i ? l : Un.decode(l), t)), s = 0;
      }
      if (r === 0 || r > n) {
        c.enqueue(Xn);
        break;
      }
    }
  } });
}
const ko = 4;
function x(n) {
  if (n) return La(n);
}
function La(n) {
  for (var t in x.prototype) n[t] = x.prototype[t];
  return n;
}
x.prototype.on = x.prototype.addEventListener = function(n, t) {
  return this._callbacks = this._callbacks || {}, (this._callbacks["$" + n] = this._callbacks["$" + n] || []).push(t), this;
}, x.prototype.once = function(n, t) {
  function e() {
    this.off(n, e), t.apply(this, arguments);
  }
  return e.fn = t, this.on(n, e), this;
}, x.prototype.off = x.prototype.removeListener = x.prototype.removeAllListeners = x.prototype.removeEventListener = function(n, t) {
  if (this._callbacks = this._callbacks || {}, arguments.length == 0) return this._callbacks = {}, this;
  var e = this._callbacks["$" + n];
  if (!e) return this;
  if (arguments.length == 1) return delete this._callbacks["$" + n], this;
  for (var s, r = 0; r < e.length; r++) if (s = e[r], s === t || s.fn === t) {
    e.splice(r, 1);
    break;
  }
  return e.length === 0 && delete this._callbacks["$" + n], this;
}, x.prototype.emit = function(n) {
  this._callbacks = this._callbacks || {};
  for (var t = new Array(arguments.length - 1), e = this._callbacks["$" + n], s = 1; s < arguments.length; s++) t[s - 1] = arguments[s];
  if (e) {
    e = e.slice(0);
    for (var s = 0, r = e.length; s < r; ++s) e[s].apply(this, t);
  }
  return this;
}, x.prototype.emitReserved = x.prototype.emit, x.prototype.listeners = function(n) {
  return this._callbacks = this._callbacks || {}, this._callbacks["$" + n] || [];
}, x.prototype.hasListeners = function(n) {
  return !!this.listeners(n).length;
};
const Rs = typeof Promise == "function" && typeof Promise.resolve == "function" ? (n) => Promise.resolve().then(n) : (n, t) => t(n, 0), H = typeof self < "u" ? self : typeof window < "u" ? window : Function("return this")(), Na = "arraybuffer";
function _o(n, ...t) {
  return t.reduce((e, s) => (n.hasOwnProperty(s) && (e[s] = n[s]), e), {});
}
const Ua = H.setTimeout, Ma = H.clearTimeout;
function Is(n, t) {
  t.useNativeTimers ? (n.setTimeoutFn = Ua.bind(H), n.clearTimeoutFn = Ma.bind(H)) : (n.setTimeoutFn = H.setTimeout.bind(H), n.clearTimeoutFn = H.clearTimeout.bind(H));
}
const Ba = 1.33;
function Pa(n) {
  return typeof n == "string" ? ja(n) : Math.ceil((n.byteLength || n.size) * Ba);
}
function ja(n) {
  let t = 0, e = 0;
  for (let s = 0, r = n.length; s < r; s++) t = n.charCodeAt(s), t < 128 ? e += 1 : t < 2048 ? e += 2 : t < 55296 || t >= 57344 ? e += 3 : (s++, e += 4);
  return e;
}
function vo() {
  return Date.now().toString(36).substring(3) + Math.random().toString(36).substring(2, 5);
}
function Fa(n) {
  let t = "";
  for (let e in n) n.hasOwnProperty(e) && (t.length && (t += "&"), t += encodeURIComponent(e) + "=" + encodeURIComponent(n[e]));
  return t;
}
function $a(n) {
  let t = {}, e = n.split("&");
  for (let s = 0, r = e.length; s < r; s++) {
    let i = e[s].split("=");
    t[decodeURIComponent(i[0])] = decodeURIComponent(i.slice(1).join("="));
  }
  return t;
}
class Va extends Error {
  constructor(t, e, s) {
    super(t), this.description = e, this.context = s, this.type = "TransportError";
  }
}
class Ls extends x {
  constructor(t) {
    super(), this.writable = !1, Is(this, t), this.opts = t, this.query = t.query, this.socket = t.socket, this.supportsBinary = !t.forceBase64;
  }
  onError(t, e, s) {
    return super.emitReserved("error", new Va(t, e, s)), this;
  }
  open() {
    return this.readyState = "opening", this.doOpen(), this;
  }
  close() {
    return (this.readyState === "opening" || this.readyState === "open") && (this.doClose(), this.onClose()), this;
  }
  send(t) {
    this.readyState === "open" && this.write(t);
  }
  onOpen() {
    this.readyState = "open", this.writable = !0, super.emitReserved("open");
  }
  onData(t) {
    const e = Os(t, this.socket.binaryType);
    this.onPacket(e);
  }
  onPacket(t) {
    super.emitReserved("packet", t);
  }
  onClose(t) {
    this.readyState = "closed", super.emitReserved("close", t);
  }
  pause(t) {
  }
  createUri(t, e = {}) {
    return t + "://" + this._hostname() + this._port() + this.opts.path + this._query(e);
  }
  _hostname() {
    const t = this.opts.hostname;
    return t.indexOf(":") === -1 ? t : "[" + t + "]";
  }
  _port() {
    return this.opts.port && (this.opts.secure && Number(this.opts.port) !== 443 || !this.opts.secure && Number(this.opts.port) !== 80) ? ":" + this.opts.port : "";
  }
  _query(t) {
    const e = Fa(t);
    return e.length ? "?" + e : "";
  }
}
class qa extends Ls {
  constructor() {
    super(...arguments), this._polling = !1;
  }
  get name() {
    return "polling";
  }
  doOpen() {
    this._poll();
  }
  pause(t) {
    this.readyState = "pausing";
    const e = () => {
      this.readyState = "paused", t();
    };
    if (this._polling || !this.writable) {
      let s = 0;
      this._polling && (s++, this.once("pollComplete", function() {
        --s || e();
      })), this.writable || (s++, this.once("drain", function() {
        --s || e();
      }));
    } else e();
  }
  _poll() {
    this._polling = !0, this.doPoll(), this.emitReserved("poll");
  }
  onData(t) {
    const e = (s) => {
      if (this.readyState === "opening" && s.type === "open" && this.onOpen(), s.type === "close") return this.onClose({ description: "transport closed by the server" }), !1;
      this.onPacket(s);
    };
    Oa(t, this.socket.binaryType).forEach(e), this.readyState !== "closed" && (this._polling = !1, this.emitReserved("pollComplete"), this.readyState === "open" && this._poll());
  }
  doClose() {
    const t = () => {
      this.write([{ type: "close" }]);
    };
    this.readyState === "open" ? t() : this.once("open", t);
  }
  write(t) {
    this.writable = !1, Da(t, (e) => {
      this.doWrite(e, () => {
        this.writable = !0, this.emitReserved("drain");
      });
    });
  }
  uri() {
    const t = this.opts.secure ? "https" : "http", e = this.query || {};
    return this.opts.timestampRequests !== !1 && (e[this.opts.timestampParam] = vo()), !this.supportsBinary && !e.sid && (e.b64 = 1), this.createUri(t, e);
  }
}
let So = !1;
try {
  So = typeof XMLHttpRequest < "u" && "withCredentials" in new XMLHttpRequest();
} catch {
}
const Wa = So;
function za() {
}
class Ja extends qa {
  constructor(t) {
    if (super(t), typeof location < "u") {
      const e = location.protocol === "https:";
      let s = location.port;
      s || (s = e ? "443" : "80"), this.xd = typeof location < "u" && t.hostname !== location.hostname || s !== t.port;
    }
  }
  doWrite(t, e) {
    const s = this.request({ method: "POST", data: t });
    s.on("success", e), s.on("error", (r, i) => {
      this.onError("xhr post error", r, i);
    });
  }
  doPoll() {
    const t = this.request();
    t.on("data", this.onData.bind(this)), t.on("error", (e, s) => {
      this.onError("xhr poll error", e, s);
    }), this.pollXhr = t;
  }
}
class st extends x {
  constructor(t, e, s) {
    super(), this.createRequest = t, Is(this, s), this._opts = s, this._method = s.method || "GET", this._uri = e, this._data = s.data !== void 0 ? s.data : null, this._create();
  }
  _create() {
    var t;
    const e = _o(this._opts, "agent", "pfx", "key", "passphrase", "cert", "ca", "ciphers", "rejectUnauthorized", "autoUnref");
    e.xdomain = !!this._opts.xd;
    const s = this._xhr = this.createRequest(e);
    try {
      s.open(this._method, this._uri, !0);
      try {
        if (this._opts.extraHeaders) {
          s.setDisableHeaderCheck && s.setDisableHeaderCheck(!0);
          for (let r in this._opts.extraHeaders) this._opts.extraHeaders.hasOwnProperty(r) && s.setRequestHeader(r, this._opts.extraHeaders[r]);
        }
      } catch {
      }
      if (this._method === "POST") try {
        s.setRequestHeader("Content-type", "text/plain;charset=UTF-8");
      } catch {
      }
      try {
        s.setRequestHeader("Accept", "*/*");
      } catch {
      }
      (t = this._opts.cookieJar) === null || t === void 0 || t.addCookies(s), "withCredentials" in s && (s.withCredentials = this._opts.withCredentials), this._opts.requestTimeout && (s.timeout = this._opts.requestTimeout), s.onreadystatechange = () => {
        var r;
        s.readyState === 3 && ((r = this._opts.cookieJar) === null || r === void 0 || r.parseCookies(s.getResponseHeader("set-cookie"))), s.readyState === 4 && (s.status === 200 || s.status === 1223 ? this._onLoad() : this.setTimeoutFn(() => {
          this._onError(typeof s.status == "number" ? s.status : 0);
        }, 0));
      }, s.send(this._data);
    } catch (r) {
      this.setTimeoutFn(() => {
        this._onError(r);
      }, 0);
      return;
    }
    typeof document < "u" && (this._index = st.requestsCount++, st.requests[this._index] = this);
  }
  _onError(t) {
    this.emitReserved("error", t, this._xhr), this._cleanup(!0);
  }
  _cleanup(t) {
    if (!(typeof this._xhr > "u" || this._xhr === null)) {
      if (this._xhr.onreadystatechange = za, t) try {
        this._xhr.abort();
      } catch {
      }
      typeof document < "u" && delete st.requests[this._index], this._xhr = null;
    }
  }
  _onLoad() {
    const t = this._xhr.responseText;
    t !== null && (this.emitReserved("data", t), this.emitReserved("success"), this._cleanup());
  }
  abort() {
    this._cleanup();
  }
}
if (st.requestsCount = 0, st.requests = {}, typeof document < "u") {
  if (typeof attachEvent == "function") attachEvent("onunload", kr);
  else if (typeof addEventListener == "function") {
    const n = "onpagehide" in H ? "pagehide" : "unload";
    addEventListener(n, kr, !1);
  }
}
function kr() {
  for (let n in st.requests) st.requests.hasOwnProperty(n) && st.requests[n].abort();
}
const Ha = (function() {
  const n = Eo({ xdomain: !1 });
  return n && n.responseType !== null;
})();
class Ka extends Ja {
  constructor(t) {
    super(t);
    const e = t && t.forceBase64;
    this.supportsBinary = Ha && !e;
  }
  request(t = {}) {
    return Object.assign(t, { xd: this.xd }, this.opts), new st(Eo, this.uri(), t);
  }
}
function Eo(n) {
  const t = n.xdomain;
  try {
    if (typeof XMLHttpRequest < "u" && (!t || Wa)) return new XMLHttpRequest();
  } catch {
  }
  if (!t) try {
    return new H[["Active"].concat("Object").join("X")]("Microsoft.XMLHTTP");
  } catch {
  }
}
const Co = typeof navigator < "u" && typeof navigator.product == "string" && navigator.product.toLowerCase() === "reactnative";
class Ya extends Ls {
  get name() {
    return "websocket";
  }
  doOpen() {
    const t = this.uri(), e = this.opts.protocols, s = Co ? {} : _o(this.opts, "agent", "perMessageDeflate", "pfx", "key", "passphrase", "cert", "ca", "ciphers", "rejectUnauthorized", "localAddress", "protocolVersion", "origin", "maxPayload", "family", "checkServerIdentity");
    this.opts.extraHeaders && (s.headers = this.opts.extraHeaders);
    try {
      this.ws = this.createSocket(t, e, s);
    } catch (r) {
      return this.emitReserved("error", r);
    }
    this.ws.binaryType = this.socket.binaryType, this.addEventListeners();
  }
  addEventListeners() {
    this.ws.onopen = () => {
      this.opts.autoUnref && this.ws._socket.unref(), this.onOpen();
    }, this.ws.onclose = (t) => this.onClose({ description: "websocket connection closed", context: t }), this.ws.onmessage = (t) => this.onData(t.data), this.ws.onerror = (t) => this.onError("websocket error", t);
  }
  write(t) {
    this.writable = !1;
    for (let e = 0; e < t.length; e++) {
      const s = t[e], r = e === t.length - 1;
      Ds(s, this.supportsBinary, (i) => {
        try {
          this.doWrite(s, i);
        } catch {
        }
        r && Rs(() => {
          this.writable = !0, this.emitReserved("drain");
        }, this.setTimeoutFn);
      });
    }
  }
  doClose() {
    typeof this.ws < "u" && (this.ws.onerror = () => {
    }, this.ws.close(), this.ws = null);
  }
  uri() {
    const t = this.opts.secure ? "wss" : "ws", e = this.query || {};
    return this.opts.timestampRequests && (e[this.opts.timestampParam] = vo()), this.supportsBinary || (e.b64 = 1), this.createUri(t, e);
  }
}
const Mn = H.WebSocket || H.MozWebSocket;
class Xa extends Ya {
  createSocket(t, e, s) {
    return Co ? new Mn(t, e, s) : e ? new Mn(t, e) : new Mn(t);
  }
  doWrite(t, e) {
    this.ws.send(e);
  }
}
class Ga extends Ls {
  get name() {
    return "webtransport";
  }
  doOpen() {
    try {
      this._transport = new WebTransport(this.createUri("https"), this.opts.transportOptions[this.name]);
    } catch (t) {
      return this.emitReserved("error", t);
    }
    this._transport.closed.then(() => {
      this.onClose();
    }).catch((t) => {
      this.onError("webtransport error", t);
    }), this._transport.ready.then(() => {
      this._transport.createBidirectionalStream().then((t) => {
        const e = Ia(Number.MAX_SAFE_INTEGER, this.socket.binaryType), s = t.readable.pipeThrough(e).getReader(), r = Ra();
        r.readable.pipeTo(t.writable), this._writer = r.writable.getWriter();
        const i = () => {
          s.read().then(({ done: c, value: l }) => {
            c || (this.onPacket(l), i());
          }).catch((c) => {
          });
        };
        i();
        const o = { type: "open" };
        this.query.sid && (o.data = `{"sid":"${this.query.sid}"}`), this._writer.write(o).then(() => this.onOpen());
      });
    });
  }
  write(t) {
    this.writable = !1;
    for (let e = 0; e < t.length; e++) {
      const s = t[e], r = e === t.length - 1;
      this._writer.write(s).then(() => {
        r && Rs(() => {
          this.writable = !0, this.emitReserved("drain");
        }, this.setTimeoutFn);
      });
    }
  }
  doClose() {
    var t;
    (t = this._transport) === null || t === void 0 || t.close();
  }
}
const Za = { websocket: Xa, webtransport: Ga, polling: Ka }, Qa = /^(?:(?![^:@\/?#]+:[^:@\/]*@)(http|https|ws|wss):\/\/)?((?:(([^:@\/?#]*)(?::([^:@\/?#]*))?)?@)?((?:[a-f0-9]{0,4}:){2,7}[a-f0-9]{0,4}|[^:\/?#]*)(?::(\d*))?)(((\/(?:[^?#](?![^?#\/]*\.[^?#\/.]+(?:[?#]|$)))*\/?)?([^?#\/]*))(?:\?([^#]*))?(?:#(.*))?)/, tu = ["source", "protocol", "authority", "userInfo", "user", "password", "host", "port", "relative", "path", "directory", "file", "query", "anchor"];
function _r(n) {
  if (n.length > 8e3) throw "URI too long";
  const t = n, e = n.indexOf("["), s = n.indexOf("]");
  e != -1 && s != -1 && (n = n.substring(0, e) + n.substring(e, s).replace(/:/g, ";") + n.substring(s, n.length));
  let r = Qa.exec(n || ""), i = {}, o = 14;
  for (; o--; ) i[tu[o]] = r[o] || "";
  return e != -1 && s != -1 && (i.source = t, i.host = i.host.substring(1, i.host.length - 1).replace(/;/g, ":"), i.authority = i.authority.replace("[", "").replace("]", "").replace(/;/g, ":"), i.ipv6uri = !0), i.pathNames = eu(i, i.path), i.queryKey = nu(i, i.query), i;
}
function eu(n, t) {
  const e = /\/{2,9}/g, s = t.replace(e, "/").split("/");
  return (t.slice(0, 1) == "/" || t.length === 0) && s.splice(0, 1), t.slice(-1) == "/" && s.splice(s.length - 1, 1), s;
}
function nu(n, t) {
  const e = {};
  return t.replace(/(?:^|&)([^&=]*)=?([^&]*)/g, function(s, r, i) {
    r && (e[r] = i);
  }), e;
}
const Gn = typeof addEventListener == "function" && typeof removeEventListener == "function", je = [];
Gn && addEventListener("offline", () => {
  je.forEach((n) => n());
}, !1);
class yt extends x {
  constructor(t, e = {}) {
    var s, r;
    if (super(), this.binaryType = Na, this.writeBuffer = [], this._prevBufferLen = 0, this._upgrades = [], this._pingInterval = -1, this._pingTimeout = -1, this._maxPayload = -1, this._pingTimeoutTime = 1 / 0, t && typeof t == "object" && (e = t, t = null), t) {
      const i = _r(t);
      e.hostname = i.host, e.secure = i.protocol === "https" || i.protocol === "wss", e.port = i.port, i.query && (e.query = i.query);
    } else e.host && (e.hostname = _r(e.host).host);
    if (Is(this, e), this.secure = e.secure != null ? e.secure : typeof location < "u" && location.protocol === "https:", e.hostname && !e.port && (e.port = this.secure ? "443" : "80"), this.hostname = e.hostname || (typeof location < "u" ? location.hostname : "localhost"), this.port = e.port || (typeof location < "u" && location.port ? location.port : this.secure ? "443" : "80"), e.transportImplementations && e.transports) throw new Error("specifying both 'transportImplementations' and 'transports' options is not supported");
    e.transportImplementations || !((s = e.transports) === null || s === void 0) && s.length && typeof e.transports[0] == "function" ? (this.transports = [], this._transportsByName = /* @__PURE__ */ Object.create(null), ((r = e.transportImplementations) !== null && r !== void 0 ? r : e.transports).forEach((i) => {
      const o = i.prototype.name;
      this.transports.push(o), this._transportsByName[o] = i;
    })) : (this.transports = e.transports ? [...e.transports] : ["polling", "websocket", "webtransport"], this._transportsByName = Za), this.opts = Object.assign({ path: "/engine.io", agent: !1, withCredentials: !1, upgrade: !0, timestampParam: "t", rememberUpgrade: !1, addTrailingSlash: !0, rejectUnauthorized: !0, perMessageDeflate: { threshold: 1024 }, transportOptions: {}, closeOnBeforeunload: !1 }, e), this.opts.path = this.opts.path.replace(/\/$/, "") + (this.opts.addTrailingSlash ? "/" : ""), typeof this.opts.query == "string" && (this.opts.query = $a(this.opts.query)), Gn && (this.opts.closeOnBeforeunload && (this._beforeunloadEventListener = () => {
      this.transport && (this.transport.removeAllListeners(), this.transport.close());
    }, addEventListener("beforeunload", this._beforeunloadEventListener, !1)), this.hostname !== "localhost" && (this._offlineEventListener = () => {
      this._onClose("transport close", { description: "network connection lost" });
    }, je.push(this._offlineEventListener))), this.opts.withCredentials && (this._cookieJar = void 0), this._open();
  }
  createTransport(t) {
    const e = Object.assign({}, this.opts.query);
    e.EIO = ko, e.transport = t, this.id && (e.sid = this.id);
    const s = Object.assign({}, this.opts, { query: e, socket: this, hostname: this.hostname, secure: this.secure, port: this.port }, this.opts.transportOptions[t]);
    return new this._transportsByName[t](s);
  }
  _open() {
    if (this.transports.length === 0) {
      this.setTimeoutFn(() => {
        this.emitReserved("error", "No transports available");
      }, 0);
      return;
    }
    const t = this.opts.rememberUpgrade && yt.priorWebsocketSuccess && this.transports.indexOf("websocket") !== -1 ? "websocket" : this.transports[0];
    this.readyState = "opening";
    const e = this.createTransport(t);
    e.open(), this.setTransport(e);
  }
  setTransport(t) {
    this.transport && this.transport.removeAllListeners(), this.transport = t, t.on("drain", this._onDrain.bind(this)).on("packet", this._onPacket.bind(this)).on("error", this._onError.bind(this)).on("close", (e) => this._onClose("transport close", e));
  }
  _probe(t) {
    let e = this.createTransport(t), s = !1;
    yt.priorWebsocketSuccess = !1;
    const r = () => {
      s || (e.send([{ type: "ping", data: "probe" }]), e.once("packet", (u) => {
        if (!s) if (u.type === "pong" && u.data === "probe") {
          if (this.upgrading = !0, this.emitReserved("upgrading", e), !e) return;
          yt.priorWebsocketSuccess = e.name === "websocket", this.transport.pause(() => {
            s || this.readyState !== "closed" && (h(), this.setTransport(e), e.send([{ type: "upgrade" }]), this.emitReserved("upgrade", e), e = null, this.upgrading = !1, this.flush());
          });
        } else {
          const d = new Error("probe error");
          d.transport = e.name, this.emitReserved("upgradeError", d);
        }
      }));
    };
    function i() {
      s || (s = !0, h(), e.close(), e = null);
    }
    const o = (u) => {
      const d = new Error("probe error: " + u);
      d.transport = e.name, i(), this.emitReserved("upgradeError", d);
    };
    function c() {
      o("transport closed");
    }
    function l() {
      o("socket closed");
    }
    function a(u) {
      e && u.name !== e.name && i();
    }
    const h = () => {
      e.removeListener("open", r), e.removeListener("error", o), e.removeListener("close", c), this.off("close", l), this.off("upgrading", a);
    };
    e.once("open", r), e.once("error", o), e.once("close", c), this.once("close", l), this.once("upgrading", a), this._upgrades.indexOf("webtransport") !== -1 && t !== "webtransport" ? this.setTimeoutFn(() => {
      s || e.open();
    }, 200) : e.open();
  }
  onOpen() {
    if (this.readyState = "open", yt.priorWebsocketSuccess = this.transport.name === "websocket", this.emitReserved("open"), this.flush(), this.readyState === "open" && this.opts.upgrade) for (let t = 0; t < this._upgrades.length; t++) this._probe(this._upgrades[t]);
  }
  _onPacket(t) {
    if (this.readyState === "opening" || this.readyState === "open" || this.readyState === "closing") switch (this.emitReserved("packet", t), this.emitReserved("heartbeat"), t.type) {
      case "open":
        this.onHandshake(JSON.parse(t.data));
        break;
      case "ping":
        this._sendPacket("pong"), this.emitReserved("ping"), this.emitReserved("pong"), this._resetPingTimeout();
        break;
      case "error":
        const e = new Error("server error");
        e.code = t.data, this._onError(e);
        break;
      case "message":
        this.emitReserved("data", t.data), this.emitReserved("message", t.data);
        break;
    }
  }
  onHandshake(t) {
    this.emitReserved("handshake", t), this.id = t.sid, this.transport.query.sid = t.sid, this._upgrades = this._filterUpgrades(t.upgrades), this._pingInterval = t.pingInterval, this._pingTimeout = t.pingTimeout, this._maxPayload = t.maxPayload, this.onOpen(), this.readyState !== "closed" && this._resetPingTimeout();
  }
  _resetPingTimeout() {
    this.clearTimeoutFn(this._pingTimeoutTimer);
    const t = this._pingInterval + this._pingTimeout;
    this._pingTimeoutTime = Date.now() + t, this._pingTimeoutTimer = this.setTimeoutFn(() => {
      this._onClose("ping timeout");
    }, t), this.opts.autoUnref && this._pingTimeoutTimer.unref();
  }
  _onDrain() {
    this.writeBuffer.splice(0, this._prevBufferLen), this._prevBufferLen = 0, this.writeBuffer.length === 0 ? this.emitReserved("drain") : this.flush();
  }
  flush() {
    if (this.readyState !== "closed" && this.transport.writable && !this.upgrading && this.writeBuffer.length) {
      const t = this._getWritablePackets();
      this.transport.send(t), this._prevBufferLen = t.length, this.emitReserved("flush");
    }
  }
  _getWritablePackets() {
    if (!(this._maxPayload && this.transport.name === "polling" && this.writeBuffer.length > 1)) return this.writeBuffer;
    let t = 1;
    for (let e = 0; e < this.writeBuffer.length; e++) {
      const s = this.writeBuffer[e].data;
      if (s && (t += Pa(s)), e > 0 && t > this._maxPayload) return this.writeBuffer.slice(0, e);
      t += 2;
    }
    return this.writeBuffer;
  }
  _hasPingExpired() {
    if (!this._pingTimeoutTime) return !0;
    const t = Date.now() > this._pingTimeoutTime;
    return t && (this._pingTimeoutTime = 0, Rs(() => {
      this._onClose("ping timeout");
    }, this.setTimeoutFn)), t;
  }
  write(t, e, s) {
    return this._sendPacket("message", t, e, s), this;
  }
  send(t, e, s) {
    return this._sendPacket("message", t, e, s), this;
  }
  _sendPacket(t, e, s, r) {
    if (typeof e == "function" && (r = e, e = void 0), typeof s == "function" && (r = s, s = null), this.readyState === "closing" || this.readyState === "closed") return;
    s = s || {}, s.compress = s.compress !== !1;
    const i = { type: t, data: e, options: s };
    this.emitReserved("packetCreate", i), this.writeBuffer.push(i), r && this.once("flush", r), this.flush();
  }
  close() {
    const t = () => {
      this._onClose("forced close"), this.transport.close();
    }, e = () => {
      this.off("upgrade", e), this.off("upgradeError", e), t();
    }, s = () => {
      this.once("upgrade", e), this.once("upgradeError", e);
    };
    return (this.readyState === "opening" || this.readyState === "open") && (this.readyState = "closing", this.writeBuffer.length ? this.once("drain", () => {
      this.upgrading ? s() : t();
    }) : this.upgrading ? s() : t()), this;
  }
  _onError(t) {
    if (yt.priorWebsocketSuccess = !1, this.opts.tryAllTransports && this.transports.length > 1 && this.readyState === "opening") return this.transports.shift(), this._open();
    this.emitReserved("error", t), this._onClose("transport error", t);
  }
  _onClose(t, e) {
    if (this.readyState === "opening" || this.readyState === "open" || this.readyState === "closing") {
      if (this.clearTimeoutFn(this._pingTimeoutTimer), this.transport.removeAllListeners("close"), this.transport.close(), this.transport.removeAllListeners(), Gn && (this._beforeunloadEventListener && removeEventListener("beforeunload", this._beforeunloadEventListener, !1), this._offlineEventListener)) {
        const s = je.indexOf(this._offlineEventListener);
        s !== -1 && je.splice(s, 1);
      }
      this.readyState = "closed", this.id = null, this.emitReserved("close", t, e), this.writeBuffer = [], this._prevBufferLen = 0;
    }
  }
  _filterUpgrades(t) {
    const e = [];
    for (let s = 0; s < t.length; s++) ~this.transports.indexOf(t[s]) && e.push(t[s]);
    return e;
  }
}
yt.protocol = ko;
const su = typeof ArrayBuffer == "function", ru = (n) => typeof ArrayBuffer.isView == "function" ? ArrayBuffer.isView(n) : n.buffer instanceof ArrayBuffer, To = Object.prototype.toString, iu = typeof Blob == "function" || typeof Blob < "u" && To.call(Blob) === "[object BlobConstructor]", ou = typeof File == "function" || typeof File < "u" && To.call(File) === "[object FileConstructor]";
function Ns(n) {
  return su && (n instanceof ArrayBuffer || ru(n)) || iu && n instanceof Blob || ou && n instanceof File;
}
function Fe(n, t) {
  if (!n || typeof n != "object") return !1;
  if (Array.isArray(n)) {
    for (let e = 0, s = n.length; e < s; e++) if (Fe(n[e])) return !0;
    return !1;
  }
  if (Ns(n)) return !0;
  if (n.toJSON && typeof n.toJSON == "function" && arguments.length === 1) return Fe(n.toJSON(), !0);
  for (const e in n) if (Object.prototype.hasOwnProperty.call(n, e) && Fe(n[e])) return !0;
  return !1;
}
function cu(n) {
  const t = [], e = n.data, s = n;
  return s.data = $e(e, t), s.attachments = t.length, { packet: s, buffers: t };
}
function $e(n, t, e) {
  if (!n) return n;
  if (Ns(n)) {
    const s = { _placeholder: !0, num: t.length };
    return t.push(n), s;
  } else if (Array.isArray(n)) {
    const s = new Array(n.length);
    for (let r = 0; r < n.length; r++) s[r] = $e(n[r], t);
    return s;
  } else if (typeof n == "object" && !(n instanceof Date)) {
    if (n.toJSON && typeof n.toJSON == "function" && !e) return $e(n.toJSON(), t, !0);
    const s = {};
    for (const r in n) Object.prototype.hasOwnProperty.call(n, r) && (s[r] = $e(n[r], t));
    return s;
  }
  return n;
}
function lu(n, t) {
  return n.data = Zn(n.data, t), delete n.attachments, n;
}
function Zn(n, t) {
  if (!n) return n;
  if (n && n._placeholder === !0) {
    if (typeof n.num == "number" && n.num >= 0 && n.num < t.length) return t[n.num];
    throw new Error("illegal attachments");
  } else if (Array.isArray(n)) for (let e = 0; e < n.length; e++) n[e] = Zn(n[e], t);
  else if (typeof n == "object") for (const e in n) Object.prototype.hasOwnProperty.call(n, e) && (n[e] = Zn(n[e], t));
  return n;
}
const hu = ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"];
var b;
(function(n) {
  n[n.CONNECT = 0] = "CONNECT", n[n.DISCONNECT = 1] = "DISCONNECT", n[n.EVENT = 2] = "EVENT", n[n.ACK = 3] = "ACK", n[n.CONNECT_ERROR = 4] = "CONNECT_ERROR", n[n.BINARY_EVENT = 5] = "BINARY_EVENT", n[n.BINARY_ACK = 6] = "BINARY_ACK";
})(b || (b = {}));
class au {
  constructor(t) {
    this.replacer = t;
  }
  encode(t) {
    return (t.type === b.EVENT || t.type === b.ACK) && Fe(t) ? this.encodeAsBinary({ type: t.type === b.EVENT ? b.BINARY_EVENT : b.BINARY_ACK, nsp: t.nsp, data: t.data, id: t.id }) : [this.encodeAsString(t)];
  }
  encodeAsString(t) {
    let e = "" + t.type;
    return (t.type === b.BINARY_EVENT || t.type === b.BINARY_ACK) && (e += t.attachments + "-"), t.nsp && t.nsp !== "/" && (e += t.nsp + ","), t.id != null && (e += t.id), t.data != null && (e += JSON.stringify(t.data, this.replacer)), e;
  }
  encodeAsBinary(t) {
    const e = cu(t), s = this.encodeAsString(e.packet), r = e.buffers;
    return r.unshift(s), r;
  }
}
class Us extends x {
  constructor(t) {
    super(), this.opts = Object.assign({ reviver: void 0, maxAttachments: 10 }, typeof t == "function" ? { reviver: t } : t);
  }
  add(t) {
    let e;
    if (typeof t == "string") {
      if (this.reconstructor) throw new Error("got plaintext data when reconstructing a packet");
      e = this.decodeString(t);
      const s = e.type === b.BINARY_EVENT;
      s || e.type === b.BINARY_ACK ? (e.type = s ? b.EVENT : b.ACK, this.reconstructor = new uu(e)) : super.emitReserved("decoded", e);
    } else if (Ns(t) || t.base64) if (this.reconstructor) e = this.reconstructor.takeBinaryData(t), e && (this.reconstructor = null, super.emitReserved("decoded", e));
    else throw new Error("got binary data when not reconstructing a packet");
    else throw new Error("Unknown type: " + t);
  }
  decodeString(t) {
    let e = 0;
    const s = { type: Number(t.charAt(0)) };
    if (b[s.type] === void 0) throw new Error("unknown packet type " + s.type);
    if (s.type === b.BINARY_EVENT || s.type === b.BINARY_ACK) {
      const i = e + 1;
      for (; t.charAt(++e) !== "-" && e != t.length; ) ;
      const o = t.substring(i, e);
      if (o != Number(o) || t.charAt(e) !== "-") throw new Error("Illegal attachments");
      const c = Number(o);
      if (!du(c) || c < 1) throw new Error("Illegal attachments");
      if (c > this.opts.maxAttachments) throw new Error("too many attachments");
      s.attachments = c;
    }
    if (t.charAt(e + 1) === "/") {
      const i = e + 1;
      for (; ++e && !(t.charAt(e) === "," || e === t.length); ) ;
      s.nsp = t.substring(i, e);
    } else s.nsp = "/";
    const r = t.charAt(e + 1);
    if (r !== "" && Number(r) == r) {
      const i = e + 1;
      for (; ++e; ) {
        const o = t.charAt(e);
        if (o == null || Number(o) != o) {
          --e;
          break;
        }
        if (e === t.length) break;
      }
      s.id = Number(t.substring(i, e + 1));
    }
    if (t.charAt(++e)) {
      const i = this.tryParse(t.substr(e));
      if (Us.isPayloadValid(s.type, i)) s.data = i;
      else throw new Error("invalid payload");
    }
    return s;
  }
  tryParse(t) {
    try {
      return JSON.parse(t, this.opts.reviver);
    } catch {
      return !1;
    }
  }
  static isPayloadValid(t, e) {
    switch (t) {
      case b.CONNECT:
        return vr(e);
      case b.DISCONNECT:
        return e === void 0;
      case b.CONNECT_ERROR:
        return typeof e == "string" || vr(e);
      case b.EVENT:
      case b.BINARY_EVENT:
        return Array.isArray(e) && (typeof e[0] == "number" || typeof e[0] == "string" && hu.indexOf(e[0]) === -1);
      case b.ACK:
      case b.BINARY_ACK:
        return Array.isArray(e);
    }
  }
  destroy() {
    this.reconstructor && (this.reconstructor.finishedReconstruction(), this.reconstructor = null);
  }
}
class uu {
  constructor(t) {
    this.packet = t, this.buffers = [], this.reconPack = t;
  }
  takeBinaryData(t) {
    if (this.buffers.push(t), this.buffers.length === this.reconPack.attachments) {
      const e = lu(this.reconPack, this.buffers);
      return this.finishedReconstruction(), e;
    }
    return null;
  }
  finishedReconstruction() {
    this.reconPack = null, this.buffers = [];
  }
}
const du = Number.isInteger || function(n) {
  return typeof n == "number" && isFinite(n) && Math.floor(n) === n;
};
function vr(n) {
  return Object.prototype.toString.call(n) === "[object Object]";
}
class pu {
  constructor(t, e, { path: s, transports: r, auth: i, patience: o }, c) {
    this.namespace = e, this.events = c, this.encoder = new au(), this.decoder = new Us(), this.acks = /* @__PURE__ */ new Map(), this.nextId = 0, this.state = "opening";
    const l = new yt(t, { path: s, transports: r, tryAllTransports: !0 });
    this.engine = l, this.timer = setTimeout(() => this.end(!1, new Error("timeout")), o), l.on("open", () => this.send(b.CONNECT, i)), l.on("upgrade", () => this.events.onTransport(this.transport)), l.on("data", (a) => {
      try {
        this.decoder.add(a);
      } catch {
        this.end(!1, new Error("parse error"));
      }
    }), l.on("error", (a) => this.end(!1, fu(a))), l.on("close", () => this.end(!1, new Error("closed"))), this.decoder.on("decoded", (a) => {
      try {
        this.read(a);
      } catch (h) {
        queueMicrotask(() => {
          throw h;
        });
      }
    });
  }
  get connected() {
    return this.state === "connected";
  }
  get transport() {
    return this.engine.transport.name;
  }
  emit(t, ...e) {
    this.send(b.EVENT, [t, ...e]);
  }
  ask(t, e, s) {
    const r = this.nextId++;
    this.acks.set(r, s), this.send(b.EVENT, [t, e], r);
  }
  close() {
    this.state !== "ended" && (this.state === "connected" && this.send(b.DISCONNECT), this.finish());
  }
  send(t, e, s) {
    if (this.state === "ended") return;
    const r = { type: t, nsp: this.namespace, data: e, ...s === void 0 ? {} : { id: s } };
    for (const i of this.encoder.encode(r)) this.engine.write(i);
  }
  read({ type: t, nsp: e, data: s, id: r }) {
    if (!(this.state === "ended" || e !== this.namespace)) if (t === b.CONNECT) {
      if (this.state === "connected") return;
      clearTimeout(this.timer), this.state = "connected", this.events.onConnect();
    } else if (t === b.CONNECT_ERROR) {
      const { message: i, data: o } = s;
      this.end(!0, Object.assign(new Error(i), { data: o }));
    } else if (t === b.DISCONNECT) this.end(!0, new Error("ended by the server"));
    else if (t === b.ACK || t === b.BINARY_ACK) {
      const i = this.acks.get(r);
      this.acks.delete(r), i?.(s[0]);
    } else {
      const [i, ...o] = s;
      r !== void 0 && o.push((c) => this.send(b.ACK, [c], r)), this.events.onEvent(i, o);
    }
  }
  end(t, e) {
    const { state: s } = this;
    s !== "ended" && (this.finish(), s === "opening" ? this.events.onRefused(e) : this.events.onEnd(t));
  }
  finish() {
    clearTimeout(this.timer), this.state = "ended", this.acks.clear(), this.decoder.destroy(), this.engine.close();
  }
}
function fu(n) {
  const t = n instanceof Error ? n : new Error(String(n));
  try {
    return Object.assign(t, { data: JSON.parse(n.context.responseText) });
  } catch {
    return t;
  }
}
const gu = 6e3;
class mu {
  constructor(t, e, s, r) {
    this.waiting = /* @__PURE__ */ new Map(), this.probing = !1, this.timers = /* @__PURE__ */ new Set(), this.wire = new pu(t, e, { ...s, patience: gu }, r);
  }
  get connected() {
    return this.wire.connected;
  }
  get transport() {
    return this.wire.transport;
  }
  askMissing(t, e, s) {
    this.askInTime("sync-step-1", t, e, (r) => {
      yu(r) ? s(Ve(r)) : s(_t(r?.error));
    });
  }
  send(t, e) {
    this.wire.ask("sync-update", t, e);
  }
  ask(t, e, s) {
    this.wire.ask(t, e, s);
  }
  emit(t, e) {
    this.wire.emit(t, e);
  }
  authenticate(t, e) {
    return new Promise((s) => this.askInTime("authenticate", { token: t }, e, (r) => s(r)));
  }
  close() {
    for (const t of this.timers) clearTimeout(t);
    this.wire.close();
  }
  askInTime(t, e, s, r) {
    let i = !1;
    const o = setTimeout(() => {
      this.timers.delete(o), i = !0, r(null);
    }, s);
    this.timers.add(o), this.wire.ask(t, e, (c) => {
      clearTimeout(o), this.timers.delete(o), i || r(c);
    });
  }
}
function Ve(n) {
  return n instanceof Uint8Array ? n : new Uint8Array(n);
}
function yu(n) {
  return n instanceof ArrayBuffer || n instanceof Uint8Array;
}
const wu = 2e3;
async function bu(n, t) {
  let e;
  const s = new Promise((o) => {
    e = setTimeout(() => o(!1), wu);
  }), r = n.whenSynced.then(() => !0), i = await Promise.race([r, s]).catch(() => !1);
  return clearTimeout(e), i || r.then(t).catch(() => {
  }), i;
}
const Sr = 200, ku = /[,?#%\\]/u, _u = /(?![\u200c\u200d])[\p{Cf}\p{Zl}\p{Zp}]|(?<![^\0-\u058f\u200c\u200d])[\u200c\u200d]|[\u200c\u200d](?![^\0-\u058f\u200c\u200d])/u;
function vu(n) {
  const t = new TextEncoder().encode(n).byteLength;
  return /\p{Surrogate}/u.test(n) ? "it is not valid Unicode" : t === 0 ? "it is empty" : t > Sr ? `it has ${t} bytes, and ${Sr} are allowed` : ku.test(n) ? "it may hold none of , ? # % \\" : /\p{Cc}/u.test(n) ? "it holds a control character" : _u.test(n) ? "it holds a character that cannot be seen" : n.normalize("NFC") !== n ? "its letters are not in Unicode normal form NFC" : /^[/ ]|[/ ]$/u.test(n) ? "it begins or ends with a slash or a space" : n.split("/").some((e) => e === "" || e === "." || e === "..") ? "it holds an empty part, “.” or “..”" : null;
}
function Su(n) {
  const t = vu(n);
  return t === null ? null : { code: "invalid_document", message: `A document cannot be called “${Eu(n)}”: ${t}.`, retryable: !1 };
}
function Eu(n) {
  const t = n.replace(/[\p{Cc}\p{Surrogate}]/gu, "�");
  return t.length > 40 ? `${t.slice(0, 40)}...` : t;
}
const Cu = { sentUpdates: 0, sentBytes: 0, receivedUpdates: 0, receivedBytes: 0, awarenessSent: 0, awarenessReceived: 0, connections: 0, lastAckMs: null };
async function Tu(n, t) {
  const e = globalThis.location?.origin;
  if (e === void 0 || e === new URL(n).origin) return null;
  const s = (r, i) => fetch(`${n}${r}`, { method: i, cache: "no-store" }).then(() => !0, () => !1);
  return !await s("/client/collab-client.js", "HEAD") || await s(`/api/v1/documents/${encodeURIComponent(t)}/access`, "GET") ? null : { code: "forbidden", message: `Pages of ${e} may not use this server: its setting cors-origins does not name them.`, retryable: !0 };
}
function Au({ onBack: n, onOffline: t, onHide: e }) {
  if (typeof window > "u") return () => {
  };
  const { document: s } = window, r = [[window, "online", n], [window, "pageshow", n], [window, "offline", t], [window, "pagehide", e], [s, "visibilitychange", () => {
    s.visibilityState === "visible" && n();
  }]];
  for (const [i, o, c] of r) i.addEventListener(o, c);
  return () => {
    for (const [i, o, c] of r) i.removeEventListener(o, c);
  };
}
const xu = 30;
class Du {
  constructor(t, e, s, r) {
    this.awareness = t, this.own = e, this.origin = s, this.traffic = r, this.link = null, this.lastSend = 0, this.onUpdate = ({ added: i, updated: o, removed: c }, l) => {
      if (l === this.origin || this.link === null || this.timer !== void 0 || ![i, o, c].some((h) => h.includes(this.own))) return;
      const a = this.lastSend + xu - performance.now();
      a <= 0 ? this.send() : this.timer = setTimeout(this.send, a);
    }, this.send = () => {
      clearTimeout(this.timer), this.timer = void 0, !(this.link?.connected !== !0 || !this.awareness.meta.has(this.own)) && (this.lastSend = performance.now(), this.traffic.awarenessSent += 1, this.link.emit("awareness-update", na(this.awareness, [this.own])));
    }, t.on("update", this.onUpdate);
  }
  begin(t) {
    this.link = t, this.send();
  }
  end(t) {
    this.link = null, clearTimeout(this.timer), this.timer = void 0, t && this.forgetPeers();
  }
  receive(t) {
    this.traffic.awarenessReceived += 1, sa(this.awareness, t, this.origin);
  }
  keepAlive() {
    const t = Date.now();
    for (const [e, s] of this.awareness.meta) e !== this.own && (s.lastUpdated = t);
  }
  destroy() {
    this.end(!1), this.awareness.off("update", this.onUpdate);
  }
  forgetPeers() {
    const t = [...this.awareness.getStates().keys()].filter((e) => e !== this.own);
    co(this.awareness, t, this.origin);
    for (const e of [...this.awareness.meta.keys()]) e !== this.own && this.awareness.meta.delete(e);
  }
}
const Er = 500, Cr = 5e3;
class Ou {
  constructor(t, e) {
    this.url = t, this.token = e, this.waiting = /* @__PURE__ */ new Map(), this.abort = new AbortController(), this.last = Promise.resolve();
  }
  get connected() {
    return !this.abort.signal.aborted;
  }
  async mayWrite() {
    for (let t = Er; this.connected; t = Math.min(2 * t, Cr)) {
      try {
        const e = await fetch(`${this.url}/access`, { headers: this.headers, cache: "no-store", signal: this.abort.signal }), { role: s } = await e.json();
        if (e.ok) return s === "editor" || s === "admin";
        if (e.status < 500 && e.status !== 429) return null;
      } catch {
      }
      await new Promise((e) => setTimeout(e, t));
    }
    return null;
  }
  send(t, e) {
    this.last = this.last.then(async () => {
      const s = await this.post(t);
      s !== null && e(s);
    });
  }
  close() {
    this.abort.abort();
  }
  get headers() {
    return this.token === null ? {} : { Authorization: `Bearer ${this.token}` };
  }
  async post(t) {
    for (let e = Er; this.connected; e = Math.min(2 * e, Cr)) {
      try {
        const s = await fetch(`${this.url}/update`, { method: "POST", body: new Uint8Array(t), headers: { ...this.headers, "Content-Type": "application/octet-stream" }, signal: this.abort.signal }), r = await s.json();
        if (s.ok) return { ...r, ok: !0 };
        const i = _t({ message: r.detail, ...r });
        if (i !== null) return { ok: !1, error: i };
      } catch {
      }
      await new Promise((s) => setTimeout(s, e));
    }
    return null;
  }
}
const Ru = 4e4;
class Iu {
  constructor(t, e) {
    this.options = e, this.abort = new AbortController(), this.ended = !1, this.heard(), this.run(t);
  }
  close() {
    this.ended = !0, clearTimeout(this.silence), this.abort.abort();
  }
  heard() {
    clearTimeout(this.silence), this.silence = setTimeout(() => this.abort.abort(), Ru);
  }
  async run(t) {
    const { token: e, lastEventId: s } = this.options;
    try {
      const r = await fetch(t, { signal: this.abort.signal, cache: "no-store", headers: { Accept: "text/event-stream", ...e === null ? {} : { Authorization: `Bearer ${e}` }, ...s === null ? {} : { "Last-Event-ID": s } } }), i = r.headers.get("Content-Type") ?? "";
      if (!r.ok || r.body === null || !i.startsWith("text/event-stream")) throw new Error("no stream");
      if (this.ended) return;
      this.options.onOpen();
      const o = new Lu((a) => {
        this.ended || this.options.onEvent(a);
      }), c = r.body.getReader(), l = new TextDecoder();
      for (; ; ) {
        const { done: a, value: h } = await c.read();
        if (a) break;
        this.heard(), o.feed(l.decode(h, { stream: !0 }));
      }
    } catch {
    }
    this.ended || (this.ended = !0, clearTimeout(this.silence), this.options.onEnd());
  }
}
class Lu {
  constructor(t) {
    this.onEvent = t, this.rest = "", this.id = null, this.event = "message", this.data = [];
  }
  feed(t) {
    const e = (this.rest + t).split(/\r\n|\n|\r(?!$)/);
    this.rest = e.pop() ?? "";
    for (const s of e) this.line(s);
  }
  line(t) {
    if (t === "") {
      this.data.length > 0 && this.onEvent({ id: this.id, event: this.event, data: this.data.join(`
`) }), this.event = "message", this.data = [];
      return;
    }
    if (t.startsWith(":")) return;
    const e = t.indexOf(":"), s = e < 0 ? t : t.slice(0, e), r = e < 0 ? "" : t.slice(e + 1).replace(/^ /, "");
    s === "data" ? this.data.push(r) : s === "event" ? this.event = r : s === "id" && !r.includes("\0") && (this.id = r);
  }
}
function Tr(n) {
  const t = n.startsWith('"') ? JSON.parse(n) : n, e = atob(t.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(e, (s) => s.charCodeAt(0));
}
class Nu {
  constructor(t) {
    this.options = t, this.stream = null, this.open = !1, this.lastEventId = null;
  }
  get isOpen() {
    return this.open;
  }
  begin(t) {
    if (this.stream !== null) return;
    const e = new Iu(this.options.url, { token: t, lastEventId: this.lastEventId, onOpen: () => {
      this.stream === e && (this.open = !0, this.options.onOpen() || this.close());
    }, onEvent: (s) => {
      this.stream === e && this.onEvent(s);
    }, onEnd: () => {
      if (this.stream !== e) return;
      const s = this.open;
      this.close(), s && this.options.onEnd();
    } });
    this.stream = e;
  }
  close() {
    this.stream?.close(), this.stream = null, this.open = !1;
  }
  onEvent({ id: t, event: e, data: s }) {
    t !== null && (this.lastEventId = t);
    try {
      e === "update" ? this.options.onUpdate(Tr(s), t === null ? null : Tr(t)) : e === "broadcast" ? this.options.onBroadcast(JSON.parse(s)) : e === "notice" && this.options.onNotice(JSON.parse(s));
    } catch {
      this.lastEventId = null;
    }
  }
}
const Uu = { idle: "offline", connecting: "connecting", syncing: "syncing", live: "live", offline: "offline", refused: "closed", closed: "closed" };
function Ar({ phase: n }) {
  return Uu[n];
}
function Mu({ phase: n }) {
  return n === "connecting" ? "connecting" : n === "syncing" || n === "live" ? "connected" : "disconnected";
}
const Bu = { idle: ["connecting", "closed"], connecting: ["syncing", "offline", "refused", "idle", "closed"], syncing: ["live", "offline", "refused", "idle", "closed"], live: ["syncing", "offline", "refused", "idle", "closed"], offline: ["connecting", "syncing", "refused", "idle", "closed"], refused: ["connecting", "idle", "closed"], closed: [] }, Pu = { phase: "idle", wasLive: !1, unsaved: 0, progress: null, refused: 0, transport: null, readOnly: !1, behind: !1, draining: !1, storageTrouble: !1, degraded: !1, retryAt: null, fault: null, blocked: null };
function ju({ code: n, resolved: t }) {
  return n === "lagging" ? { behind: !0 } : n === "draining" ? { draining: !0 } : n === "storage_unavailable" ? { storageTrouble: t !== !0 } : n === "cluster_degraded" ? { degraded: t !== !0 } : {};
}
function md({ phase: n, fault: t }) {
  return (n === "refused" || n === "offline" || n === "connecting" || n === "syncing") && t?.code !== "draining" ? t : null;
}
class Fu {
  constructor(t) {
    this.onChange = t, this.status = Pu;
  }
  get now() {
    return this.status;
  }
  move(t, e = {}) {
    if (!Bu[this.status.phase].includes(t)) throw new Error(`a provider cannot go from ${this.status.phase} to ${t}`);
    this.patch({ ...e, phase: t });
  }
  patch(t) {
    const e = this.status;
    Object.keys(t).every((s) => Object.is(e[s], t[s])) || (this.status = { ...e, ...t }, this.onChange(this.status, e));
  }
}
function $u() {
  return `${Date.now().toString(36)}-${Math.random().toString(36).slice(2)}`;
}
class Vu {
  constructor(t, e) {
    this.name = t, this.way = e, this.events = [], this.drafts = [], this.followers = /* @__PURE__ */ new Set(), this.live = !1, this.sendAll = () => {
      if (this.timer = void 0, this.live) for (const s of this.drafts) this.send(s);
    };
  }
  get waiting() {
    return this.drafts;
  }
  publish(t, e = "message", s = $u()) {
    return new Promise((r, i) => {
      const o = { key: s, event: e, data: t, resolve: r, reject: i };
      this.drafts = [...this.drafts, o], this.tell(), this.live && this.timer === void 0 && this.send(o);
    });
  }
  follow(t) {
    return this.followers.add(t), this.followers.size === 1 && this.live && this.subscribe(), () => {
      !this.followers.delete(t) || this.followers.size > 0 || !this.live || this.way.ask("unsubscribe", { stream: this.name }, () => {
      });
    };
  }
  async more(t = 100) {
    const e = this.events[0]?.offset ?? 1, s = Math.max(0, e - 1 - t), r = e > 1 ? await this.way.read(`/streams/${this.name}?after=${s}&limit=${e - 1 - s}`) : null, i = (r?.events ?? []).filter(({ offset: o }) => o < (this.events[0]?.offset ?? 0));
    return i.length === 0 ? r === null && e > 1 : (this.events = [...i, ...this.events], this.tell(), s > 0);
  }
  begin() {
    this.live = !0, this.followers.size > 0 && this.subscribe(), this.sendAll();
  }
  pause() {
    this.live = !1, clearTimeout(this.timer), this.timer = void 0;
  }
  end(t) {
    this.pause();
    const { drafts: e } = this;
    this.drafts = [];
    for (const { reject: s } of e) s(new Yn(t));
    this.followers.clear();
  }
  take(t, e = !1) {
    const s = e ? 0 : this.events.at(-1)?.offset ?? 0, r = t.filter(({ offset: i }) => i > s);
    r.length !== 0 && (this.events = e ? r : [...this.events, ...r], this.tell());
  }
  subscribe() {
    const t = this.events.at(-1)?.offset;
    this.way.ask("subscribe", { stream: this.name, ...t === void 0 ? {} : { after: t } }, (e) => {
      e.ok && this.take(e.events, e.gap === !0);
    });
  }
  send(t) {
    const { key: e, event: s, data: r } = t;
    this.way.ask("publish", { stream: this.name, event: s, data: r, key: e }, (i) => {
      const o = i.ok ? null : _t(i.error);
      if (!i.ok && (o === null || o.retryable)) {
        this.timer ??= setTimeout(this.sendAll, 1e3 * (o?.retry_after ?? 1));
        return;
      }
      const { length: c } = this.drafts;
      this.drafts = this.drafts.filter((l) => l !== t), this.drafts.length !== c && (o === null ? t.resolve(i.offset) : t.reject(new Yn(o)), this.tell());
    });
  }
  tell() {
    for (const t of this.followers) t();
  }
}
const Qn = /* @__PURE__ */ Symbol("another tab");
class qu {
  constructor(t, e) {
    this.doc = e, this.channel = typeof BroadcastChannel > "u" ? null : new BroadcastChannel(`collab:${t}`), this.channel !== null && (this.channel.onmessage = (s) => this.read(s.data));
  }
  tell(t) {
    this.channel?.postMessage({ kind: "update", update: t });
  }
  ask() {
    this.channel?.postMessage({ kind: "hello", vector: Gt(this.doc) });
  }
  close() {
    this.channel?.close();
  }
  read(t) {
    if (t.kind === "update") Xt(this.doc, t.update, Qn);
    else {
      const e = mn(this.doc, t.vector);
      e.length > 2 && this.tell(e);
    }
  }
}
const Wu = 6e3, xr = 4e3, zu = 3e4, Ju = 5e3, Hu = 3, Ku = 5, Dr = 15e3, Yu = 1200, Or = { code: "internal", message: "The provider was destroyed.", retryable: !1 };
class yd extends Ze {
  constructor(t, e, s = null, r = {}) {
    super(), this.traffic = { ...Cu }, this.refused = [], this.session = null, this.state = new Fu((c, l) => this.tell(c, l)), this.posting = null, this.compared = !1, this.link = null, this.attempt = null, this.lastToken = null, this.mayOnlyRead = !1, this.said = null, this.shown = null, this.lastNotice = null, this.streams = /* @__PURE__ */ new Map(), this.failuresInARow = 0, this.otherOrigin = null, this.onDocUpdate = (c, l) => {
      if (l === this || l === fo || (this.edits.soil(), this.local !== null && l === this.local)) return;
      const { phase: a } = this.state.now;
      l === Qn && a !== "live" || (a !== "live" && l !== Qn && this.tabs?.tell(c), this.edits.add(c));
    }, this.watch = () => {
      const c = this.liveLink;
      if (c === null) return;
      this.presence.keepAlive();
      const l = Math.min(...c.waiting.values());
      performance.now() - l > Wu && this.probe();
    }, this.onBack = () => {
      this.state.now.phase === "offline" ? this.retryNow() : this.probe();
    }, this.onHide = () => {
      this.edits.flush(), this.edits.writeLedger();
    }, this.onDocDestroy = () => this.destroy(), this.address = ra(t, r.path), this.document = e, this.doc = s = s ?? new pt(), this.ownsAwareness = r.awareness === void 0, this.awareness = r.awareness ?? new ea(s), this.transports = r.transports ?? ["websocket", "polling"], this.token = r.token ?? null, this.user = r.user, this.backoff = new Io(r.backoff);
    const { subject: i } = r, o = `${this.address.base}/${e}${i ? `?${encodeURIComponent(i)}` : ""}`;
    this.ownsLocal = typeof r.local == "function", this.local = (typeof r.local == "function" ? r.local(s, o) : r.local) ?? null, this.tabs = r.tabs ?? Gu() ? new qu(o, s) : null, this.edits = new Sa(s, { ledger: r.ledger !== void 0 ? r.ledger : this.defaultLedger(o), clean: this.local === null, traffic: this.traffic, onCount: (c) => this.state.patch({ unsaved: c }), onRejected: (c) => this.onRejected(c), onRefused: (c) => this.onRefusedEdit(c), onProgress: (c) => this.state.patch({ progress: c }), onSaved: () => this.state.patch({ blocked: null }) }), this.presence = new Du(this.awareness, s.clientID, this, this.traffic), this.reading = r.stream === !1 ? null : this.makeReading(), this.localReady = this.awaitLocal(), s.on("update", this.onDocUpdate), s.on("destroy", this.onDocDestroy), this.watchTimer = setInterval(this.watch, 2e3), this.stopWatchingPage = Au({ onBack: this.onBack, onOffline: () => this.probe(), onHide: this.onHide }), this.state.patch({ unsaved: this.edits.unsaved }), this.show(this.user), r.connect !== !1 && this.connect();
  }
  get status() {
    return Ar(this.state.now);
  }
  get details() {
    return this.state.now;
  }
  get error() {
    return this.state.now.fault ?? this.state.now.blocked;
  }
  get role() {
    return this.said;
  }
  get synced() {
    return this.state.now.phase === "live";
  }
  get unsaved() {
    return this.edits.unsaved;
  }
  get position() {
    return this.edits.position;
  }
  saved() {
    return new Promise((t, e) => {
      const s = this.refused.length, r = () => {
        const i = this.whyNever(s);
        i === null && (this.state.now.phase !== "live" || this.edits.unsaved > 0) || (this.off("details", r), i === null ? t() : e(new Yn(i)));
      };
      this.on("details", r), r();
    });
  }
  connect() {
    this.state.now.phase === "idle" ? this.open() : this.state.now.phase !== "live" && this.retryNow();
  }
  disconnect() {
    this.state.now.phase !== "closed" && (this.stopReading(), this.dropLink(), clearTimeout(this.retryTimer), this.state.now.phase !== "idle" && this.state.move("idle", { retryAt: null, transport: null }));
  }
  retryNow() {
    const { phase: t } = this.state.now;
    t !== "offline" && t !== "refused" && !this.readsAlong || (clearTimeout(this.retryTimer), this.open());
  }
  async authenticate(t) {
    return this.token = t, this.link?.connected !== !0 ? (this.retryNow(), null) : this.renew();
  }
  forgetRefused() {
    this.refused = [], this.state.patch({ refused: 0 });
  }
  setUser(t) {
    this.user = t, this.shown = null, this.awareness.getLocalState() !== null && this.awareness.setLocalStateField("user", t);
  }
  broadcast(t, e) {
    const s = this.liveLink;
    return s?.emit("broadcast", { event: t, data: e }), s !== null;
  }
  stream(t) {
    let e = this.streams.get(t);
    return e === void 0 && (e = new Vu(t, { ask: (s, r, i) => this.liveLink?.ask(s, r, (o) => i(o)), read: (s) => this.read(s) }), this.streams.set(t, e), this.liveLink !== null && e.begin()), e;
  }
  destroy() {
    if (this.state.now.phase !== "closed") {
      this.doc.off("update", this.onDocUpdate), this.doc.off("destroy", this.onDocDestroy), this.stopWatchingPage(), this.edits.writeLedger(), this.stopReading(), this.dropLink(!1), this.presence.destroy(), this.tabs?.close(), clearInterval(this.watchTimer);
      for (const t of [this.retryTimer, this.stableTimer, this.drainingTimer]) clearTimeout(t);
      for (const t of this.streams.values()) t.end(Or);
      this.ownsAwareness && this.awareness.destroy(), this.ownsLocal && this.local?.destroy?.(), this.state.move("closed", { transport: null, retryAt: null }), this.emit("destroy", []), super.destroy();
    }
  }
  tell(t, e) {
    if (this.emit("details", [t, e]), this.state.now !== t) return;
    t.unsaved !== e.unsaved && this.emit("unsaved", [t.unsaved]), (t.phase !== e.phase || t.fault !== e.fault) && this.emit("status", [{ status: Mu(t), state: Ar(t), error: t.fault }]);
    const s = t.phase === "live";
    s !== (e.phase === "live") && (this.emit("synced", [s]), this.emit("sync", [s]));
  }
  whyNever(t) {
    const { phase: e, fault: s, blocked: r, readOnly: i } = this.state.now;
    if (e === "closed") return Or;
    if (e === "refused") return s;
    const o = this.refused[t];
    return o !== void 0 ? o.fault : e !== "live" || this.edits.unsaved === 0 ? null : r !== null && !r.retryable ? r : i && this.mayOnlyRead ? { code: "read_only", message: "You can view this document but not change it.", retryable: !1 } : null;
  }
  show(t) {
    const e = this.awareness.getLocalState();
    if (t === void 0 || e === null) return;
    const s = e.user;
    s !== void 0 && s !== this.shown || (this.shown = { ...s, ...t }, this.awareness.setLocalStateField("user", this.shown));
  }
  async read(t) {
    try {
      const e = this.lastToken === null ? {} : { Authorization: `Bearer ${this.lastToken}` }, s = await fetch(`${this.api}${t}`, { headers: e, cache: "no-store" });
      return s.ok ? await s.json() : null;
    } catch {
      return null;
    }
  }
  get api() {
    return `${this.address.base}/api/v1/documents/${encodeURIComponent(this.document)}`;
  }
  get liveLink() {
    return this.state.now.phase === "live" && this.link?.connected === !0 ? this.link : null;
  }
  get readsAlong() {
    return this.reading?.isOpen === !0;
  }
  defaultLedger(t) {
    return this.local === null || typeof localStorage > "u" ? null : new Ea(t, String(this.doc.clientID), localStorage);
  }
  async awaitLocal() {
    this.local !== null && (await bu(this.local, () => this.edits.sendMissing()) ? this.tabs?.ask() : this.edits.localLate = !0);
  }
  async open() {
    this.readsAlong || this.state.move("connecting", { retryAt: null });
    const t = Su(this.document);
    if (t !== null) return this.refuse(t);
    const e = {};
    this.attempt = e;
    let s;
    try {
      if (await this.localReady, this.attempt !== e) return;
      s = typeof this.token == "function" ? await this.token() : this.token;
    } catch {
      this.attempt === e && this.lose(null);
      return;
    }
    if (this.attempt !== e || this.state.now.phase !== "connecting" && !this.readsAlong) return;
    this.lastToken = s;
    const r = this.failuresInARow % 2 === 1 ? [...this.transports].reverse() : this.transports, i = () => this.link === o, o = new mu(this.address.origin, `/doc/${this.document}`, { path: this.address.path, transports: r, auth: { ...s ? { token: s } : {}, ...this.user ? { user: Rr(this.user) } : {} } }, { onConnect: () => i() && this.onConnect(o), onRefused: (c) => i() && this.onRefused(c), onEnd: (c) => i() && this.onEnd(c), onEvent: (c, l) => i() && this.hear(c, l), onTransport: (c) => i() && this.state.patch({ transport: c }) });
    this.link = o, this.posting === null && this.edits.attach(o);
  }
  hear(t, [e, s]) {
    switch (t) {
      case "session":
        return this.onSession(e);
      case "sync-step-1":
        return typeof s == "function" && s(lo), this.edits.compareWith(Ve(e));
      case "sync-update":
        return this.onUpdate(Ve(e));
      case "awareness-update":
        return this.presence.receive(Ve(e));
      case "notice":
        return this.onNotice(e);
      case "stream":
        return this.streams.get(e.stream)?.take([e]);
      case "inbox":
        return this.emit("inbox", [e]);
      case "broadcast":
        return this.emit("broadcast", [e]);
    }
  }
  onConnect(t) {
    this.traffic.connections += 1, this.failuresInARow = 0, this.lastNotice = this.otherOrigin = null, this.stopReading(), this.edits.attach(t);
    const e = { transport: t.transport, behind: !1 };
    this.state.now.phase === "syncing" ? this.state.patch(e) : this.state.move("syncing", e), t.askMissing(Gt(this.doc), zu, (s) => {
      if (this.link === t) {
        if (!(s instanceof Uint8Array)) return this.lose(s);
        this.receive(s), this.becomeLive(t);
      }
    });
  }
  becomeLive(t) {
    clearTimeout(this.drainingTimer), this.state.move("live", { wasLive: !0, fault: null, draining: !1, storageTrouble: !1, degraded: !1 }), clearTimeout(this.stableTimer), this.stableTimer = setTimeout(() => this.backoff.reset(), Ju), this.presence.begin(t), this.edits.begin(this.session?.limits.rate_updates);
    for (const e of this.streams.values()) e.begin();
  }
  onSession(t) {
    this.session = t, this.edits.setLimit(t.limits.max_update_bytes), this.setRole(t.role), this.show(Rr(t.user ?? {})), this.emit("session", [t]);
  }
  setRole(t) {
    const e = t === "viewer" || t === "commenter", s = this.said !== t;
    this.said = t, this.mayOnlyRead = e, this.state.patch({ readOnly: e, blocked: e ? null : this.state.now.blocked }), this.edits.setWritable(!e), s && this.emit("role", [t]);
  }
  onUpdate(t) {
    this.receive(t), this.state.patch({ behind: !1 });
  }
  receive(t) {
    this.traffic.receivedUpdates += 1, this.traffic.receivedBytes += t.byteLength, Xt(this.doc, t, this);
  }
  onRefused(t) {
    const e = _t(t.data);
    e === null && t.message === "Invalid namespace" ? this.refuse({ code: "not_found", message: "This server has no documents here.", retryable: !1 }) : e === null || this.mayReturn(e) ? (this.failuresInARow += 1, this.lose(e)) : this.refuse(e);
  }
  onEnd(t) {
    const e = this.lastNotice;
    if (t && e !== null && !this.mayReturn(e)) return this.refuse(e);
    const s = e !== null && (e.code === "draining" || t && e.code !== "lagging" && e.resolved !== !0);
    this.lose(s ? e : null);
  }
  mayReturn(t) {
    return t.retryable || t.code === "token_expired" && typeof this.token == "function";
  }
  refuse(t) {
    this.stopReading(), this.leave(), this.state.move("refused", { fault: t, retryAt: null, transport: null, draining: !1 });
  }
  lose(t) {
    if (this.readsAlong) {
      this.dropLink(), this.retryLater(Dr);
      return;
    }
    const e = this.state.now.draining && this.state.now.phase !== "connecting", s = this.backoff.next(1e3 * (t?.retry_after ?? 0));
    this.leave(), this.state.move("offline", { fault: t ?? this.otherOrigin, draining: e, retryAt: Date.now() + s, transport: null }), clearTimeout(this.drainingTimer), e && (this.drainingTimer = setTimeout(() => this.state.patch({ draining: !1 }), Yu)), this.retryLater(s), t === null && (this.failuresInARow >= Hu && this.reading?.begin(this.lastToken), this.failuresInARow === 1 && !this.state.now.wasLive && this.askWhy());
  }
  async askWhy() {
    this.otherOrigin = await Tu(this.address.base, this.document), this.otherOrigin !== null && this.state.now.phase === "offline" && this.state.patch({ fault: this.otherOrigin });
  }
  retryLater(t) {
    clearTimeout(this.retryTimer), this.retryTimer = setTimeout(() => this.retryNow(), t);
  }
  leave() {
    clearTimeout(this.stableTimer), this.dropLink(), this.state.patch({ behind: !1 });
  }
  dropLink(t = !0) {
    const e = this.link;
    this.link = null, this.attempt = null, this.session = null, this.posting === null && this.edits.detach(), this.presence.end(t);
    for (const s of this.streams.values()) s.pause();
    e?.close();
  }
  makeReading() {
    return new Nu({ url: `${this.api}/events`, onOpen: () => this.state.now.phase !== "offline" ? !1 : (this.lastNotice = null, this.state.move("syncing", { transport: "sse", readOnly: !0, retryAt: null, fault: null }), this.retryLater(Dr), this.beginPosting(), !0), onUpdate: (t, e) => {
      this.receive(t), !(e === null || this.link?.connected === !0) && (this.state.now.phase === "syncing" && this.state.move("live", { wasLive: !0 }), !(this.posting === null || this.compared) && (this.compared = !0, this.edits.compareWith(e)));
    }, onBroadcast: (t) => this.emit("broadcast", [t]), onNotice: (t) => this.onNotice(t), onEnd: () => {
      this.stopReading(), this.state.patch({ readOnly: this.mayOnlyRead });
      const t = this.lastNotice;
      t !== null && !this.mayReturn(t) ? this.refuse(t) : this.lose(null);
    } });
  }
  beginPosting() {
    const t = new Ou(this.api, this.lastToken);
    this.posting?.close(), this.posting = t, this.compared = !1, this.edits.detach(), this.edits.attach(t), t.mayWrite().then((e) => {
      this.posting !== t || e === null || (this.mayOnlyRead = !e, this.state.patch({ readOnly: !e }), this.edits.setWritable(e), this.edits.begin(Ku));
    });
  }
  stopReading() {
    this.reading?.close(), this.posting !== null && (this.posting.close(), this.posting = null, this.edits.detach());
  }
  onNotice(t) {
    const e = _t(t);
    e !== null && (this.lastNotice = e, this.state.patch(ju(e)), (e.code === "storage_unavailable" || e.code === "store_full") && e.resolved === !0 && this.edits.sendHeld(), e.code === "token_expired" && e.retry_after !== void 0 && typeof this.token == "function" && this.renew(), this.emit("notice", [e]));
  }
  async renew() {
    const t = this.link;
    let e;
    try {
      e = typeof this.token == "function" ? await this.token() : this.token;
    } catch {
      return { code: "unauthorized", message: "No new sign-in could be had.", retryable: !0 };
    }
    if (t === null || this.link !== t || e === null) return null;
    const s = await t.authenticate(e, xr);
    if (this.link !== t) return null;
    if (s === null) return { code: "internal", message: "The server did not answer.", retryable: !0 };
    if (!s.ok) return _t(s.error);
    if (this.session !== null) {
      const r = s.role ?? this.session.role;
      this.session = { ...this.session, role: r, expires_at: s.expires_at ?? null }, this.emit("session", [this.session]), this.setRole(r);
    }
    return this.lastNotice = null, null;
  }
  onRejected(t) {
    t.code === "read_only" ? this.setRole("viewer") : this.state.patch({ blocked: t }), this.emit("notice", [t]);
  }
  onRefusedEdit(t) {
    this.refused = [...this.refused, t], this.state.patch({ refused: this.refused.length }), this.emit("refused", [t]);
  }
  probe() {
    const t = this.liveLink;
    t === null || t.probing || (t.probing = !0, t.askMissing(Gt(this.doc), xr, (e) => {
      this.link === t && (t.probing = !1, e === null ? this.lose(null) : e instanceof Uint8Array && Xt(this.doc, e, this));
    }));
  }
}
const Xu = ["id", "agent", "role", "session", "client_id"];
function Rr(n) {
  const t = (e, s) => s === void 0 || s === "" && (e === "name" || e === "color");
  return Object.fromEntries(Object.entries(n).filter(([e, s]) => !Xu.includes(e) && !t(e, s)));
}
function Gu() {
  return typeof window < "u" || typeof globalThis.WorkerGlobalScope < "u";
}
const Ft = (n) => Ht((t, e) => {
  n.onerror = (s) => e(new Error(s.target.error)), n.onsuccess = (s) => t(s.target.result);
}), Zu = (n, t) => Ht((e, s) => {
  const r = indexedDB.open(n);
  r.onupgradeneeded = (i) => t(i.target.result), r.onerror = (i) => s(Q(i.target.error)), r.onsuccess = (i) => {
    const o = i.target.result;
    o.onversionchange = () => {
      o.close();
    }, e(o);
  };
}), Qu = (n) => Ft(indexedDB.deleteDatabase(n)), td = (n, t) => t.forEach((e) => n.createObjectStore.apply(n, e)), ie = (n, t, e = "readwrite") => {
  const s = n.transaction(t, e);
  return t.map((r) => ld(s, r));
}, Ao = (n, t) => Ft(n.count(t)), ed = (n, t) => Ft(n.get(t)), xo = (n, t) => Ft(n.delete(t)), nd = (n, t, e) => Ft(n.put(t, e)), ts = (n, t) => Ft(n.add(t)), sd = (n, t, e) => Ft(n.getAll(t, e)), rd = (n, t, e) => {
  let s = null;
  return cd(n, t, (r) => (s = r, !1), e).then(() => s);
}, id = (n, t = null) => rd(n, t, "prev"), od = (n, t) => Ht((e, s) => {
  n.onerror = s, n.onsuccess = async (r) => {
    const i = r.target.result;
    if (i === null || await t(i) === !1) return e();
    i.continue();
  };
}), cd = (n, t, e, s = "next") => od(n.openKeyCursor(t, s), (r) => e(r.key)), ld = (n, t) => n.objectStore(t), hd = (n, t) => IDBKeyRange.upperBound(n, t), ad = (n, t) => IDBKeyRange.lowerBound(n, t), Bn = "custom", Do = "updates", Oo = 500, Ro = (n, t = () => {
}, e = () => {
}) => {
  const [s] = ie(n.db, [Do]);
  return sd(s, ad(n._dbref, !1)).then((r) => {
    n._destroyed || (t(s), _(n.doc, () => {
      r.forEach((i) => Xt(n.doc, i));
    }, n, !1), e(s));
  }).then(() => id(s).then((r) => {
    n._dbref = r + 1;
  })).then(() => Ao(s).then((r) => {
    n._dbsize = r;
  })).then(() => s);
}, ud = (n, t = !0) => Ro(n).then((e) => {
  (t || n._dbsize >= Oo) && ts(e, mn(n.doc)).then(() => xo(e, hd(n._dbref, !0))).then(() => Ao(e).then((s) => {
    n._dbsize = s;
  }));
});
class dd extends Ir {
  constructor(t, e) {
    super(), this.doc = e, this.name = t, this._dbref = 0, this._dbsize = 0, this._destroyed = !1, this.db = null, this.synced = !1, this._db = Zu(t, (s) => td(s, [["updates", { autoIncrement: !0 }], ["custom"]])), this.whenSynced = Ht((s) => this.on("synced", () => s(this))), this._db.then((s) => {
      this.db = s, Ro(this, (r) => ts(r, mn(e)), () => {
        if (this._destroyed) return this;
        this.synced = !0, this.emit("synced", [this]);
      });
    }), this._storeTimeout = 1e3, this._storeTimeoutId = null, this._storeUpdate = (s, r) => {
      if (this.db && r !== this) {
        const [i] = ie(this.db, [Do]);
        ts(i, s), ++this._dbsize >= Oo && (this._storeTimeoutId !== null && clearTimeout(this._storeTimeoutId), this._storeTimeoutId = setTimeout(() => {
          ud(this, !1), this._storeTimeoutId = null;
        }, this._storeTimeout));
      }
    }, e.on("update", this._storeUpdate), this.destroy = this.destroy.bind(this), e.on("destroy", this.destroy);
  }
  destroy() {
    return this._storeTimeoutId && clearTimeout(this._storeTimeoutId), this.doc.off("update", this._storeUpdate), this.doc.off("destroy", this.destroy), this._destroyed = !0, this._db.then((t) => {
      t.close();
    });
  }
  clearData() {
    return this.destroy().then(() => {
      Qu(this.name);
    });
  }
  get(t) {
    return this._db.then((e) => {
      const [s] = ie(e, [Bn], "readonly");
      return ed(s, t);
    });
  }
  set(t, e) {
    return this._db.then((s) => {
      const [r] = ie(s, [Bn]);
      return nd(r, e, t);
    });
  }
  del(t) {
    return this._db.then((e) => {
      const [s] = ie(e, [Bn]);
      return xo(s, t);
    });
  }
}
const wd = (n, t) => typeof indexedDB > "u" ? null : new dd(`collab:${t}`, n);
export {
  ea as Awareness,
  Io as Backoff,
  ia as CODES,
  Yn as CollabError,
  yd as CollabProvider,
  Pu as FIRST_STATUS,
  Ea as LocalLedger,
  pd as Y,
  oa as adviceFor,
  _t as asFault,
  gd as asText,
  vu as faultInName,
  $u as freshKey,
  fd as inWords,
  wd as keepOffline,
  Su as refusalOfName,
  md as turnedAway
};
