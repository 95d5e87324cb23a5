"""The JSON documents of the HTTP API as typed models, of which docs/http-api.md is made."""
