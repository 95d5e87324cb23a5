"""Configuration: raw TOML to one validated, frozen model."""
