"""What targets share: what runs beside the project's code, how its logs are read, how its dependencies are fetched."""
