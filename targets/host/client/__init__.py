"""What runs on the deploying machine: logs in to hosts with the OpenSSH client and calls the agent there."""
