"""What differs between two versions of a playbook, in words: not lines of YAML, but steps, rules and texts."""

from authoring.changes.change import Change, Kind
from authoring.changes.telling import differences, sections

__all__ = ["Change", "Kind", "differences", "sections"]
