"""What all documents have in common: their version, and keys that are all declared."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


def key(doc: str) -> Any:
    """A key that is always there; `doc` says what its value is, and its unit."""
    return Field(description=doc)


class Part(BaseModel):
    """An object inside a document."""

    # Validated in tests alone, so that starting a daemon or a verb need not build it.
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class Document(Part):
    """A whole document."""

    schema_version: Literal[1] = key("Version of the shape of this document.")


class ProblemPart(Part):
    """One finding in a file that an operator wrote."""

    file: str = key("The file, or `--set`.")
    line: int = key("Line, counted from 1; 0 where it is about the whole file.")
    column: int = key("Column, counted from 1; 0 where it is about the whole file.")
    id: str = key("Name of the check that found it.")
    message: str = key("What is wrong.")
    hint: str = key("What to write instead; empty where that is not known.")
    source: str = key("The line, secrets masked; empty where there is none.")
    severity: Literal["error", "warning"] = key("Whether it keeps the file from being served.")


class ErrorDocument(Document):
    """The answer to a request that was not granted; the status says of which kind."""

    error: str = key("What is wrong.")
    hint: str = key("What to do next.")
