"""The Socket.IO door: the only place that knows python-socketio and python-engineio."""
