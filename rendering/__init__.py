"""Pure functions from settings to text: command lines, env files, Nginx and Docker files, and the ids that name them."""
