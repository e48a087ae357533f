"""The host target: Linux hosts with systemd and Nginx, over SSH or this very machine, one or many, all or nothing."""
