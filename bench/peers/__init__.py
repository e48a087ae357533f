"""Hosts: ours beside Ansible, pyinfra and a person's own hands, on the same hosts, with the same environment, in one run."""
