"""What is told of the server while it runs: metrics, the loop's lag. Looks at the hub, and changes nothing."""
