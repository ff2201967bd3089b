// Runs before anything is painted, so that a chosen theme does not flash in the other one.
try {
  var theme = localStorage.getItem('collab:theme')
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme
} catch (error) {
  // Storage may be forbidden; the system's theme stands then.
}
