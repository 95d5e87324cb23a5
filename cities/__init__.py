"""Makes the city table that ships in the package from a full city database: ``make cities``."""
