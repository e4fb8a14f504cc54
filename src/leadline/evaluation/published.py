"""Scores published in documents on known data sets, as a reference beside results."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatch
from functools import lru_cache
from importlib import resources

import yaml
from pydantic import BaseModel, ConfigDict, model_validator


class PublishedRow(BaseModel):
    """A row of a published table; `source` is where it was read."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    source: str
    metrics: Mapping[str, float]
    caveats: tuple[str, ...]


class PublishedSet(BaseModel):
    """Published rows on one test set of `data`.

    They are shown beside results under `protocols` (patterns) on the same `dataset`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str
    data: str
    dataset: str
    protocols: tuple[str, ...]
    caveats: Mapping[str, str]
    rows: tuple[PublishedRow, ...]

    @model_validator(mode="after")
    def _explained(self) -> PublishedSet:
        for row in self.rows:
            unknown = set(row.caveats) - set(self.caveats)
            if unknown or not row.caveats:
                raise ValueError(f"{row.name}: its caveats {unknown or 'are missing'}")
        return self


@lru_cache(maxsize=1)
def published_sets() -> tuple[PublishedSet, ...]:
    """Return all published tables in the package."""
    text = resources.files("leadline.evaluation").joinpath("published.yaml").read_text("utf-8")
    return tuple(PublishedSet.model_validate(each) for each in yaml.safe_load(text))


def published_for(protocol: str, dataset: str) -> PublishedSet | None:
    """Return the table on a published `dataset` under `protocol`, None if there is none."""
    for each in published_sets():
        is_under = any(fnmatch(protocol, pattern) for pattern in each.protocols)
        if dataset == each.dataset and is_under:
            return each
    return None
