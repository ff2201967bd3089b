"""Any wire over WebSocket: frames in, one write out, heartbeats."""
