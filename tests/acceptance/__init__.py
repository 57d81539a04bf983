"""The gateway as its users meet it: a process of its own, real sockets, a provider that plays a script."""
