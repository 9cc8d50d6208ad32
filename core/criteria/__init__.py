"""The criteria language: a typed tree over declared fields, checked, explained, compiled to SQL."""

from core.criteria.check import Checked, parse_and_check
from core.criteria.parameters import from_parameters
from core.criteria.words import explain

__all__ = ["Checked", "explain", "from_parameters", "parse_and_check"]
