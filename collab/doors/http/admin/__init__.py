"""The admin page: what this node does now, and what can be done about it. Plain HTML, served without a build."""
