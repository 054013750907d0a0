"""People, projects and courses: who may see and do what, who published what, and the trash."""

from __future__ import annotations

from typing import TYPE_CHECKING

from awe.lazy import face

if TYPE_CHECKING:
    from awe.db.rights.courses import Student, enroll
    from awe.db.rights.history import Trail, trail
    from awe.db.rights.people import (
        Person,
        add_member,
        add_person,
        add_project,
        remove_member,
        remove_person,
    )
    from awe.db.rights.projects import (
        Place,
        Project,
        User,
        current_project,
        find_project,
        my_projects,
    )
    from awe.db.rights.publishing import Publication, publish
    from awe.db.rights.quota import Usage, usage
    from awe.db.rights.readers import Reading, Readings, who_read
    from awe.db.rights.release import set_period
    from awe.db.rights.trash import Deletion, Restored, undelete

__all__ = [
    "Deletion",
    "Person",
    "Place",
    "Project",
    "Publication",
    "Reading",
    "Readings",
    "Restored",
    "Student",
    "Trail",
    "Usage",
    "User",
    "add_member",
    "add_person",
    "add_project",
    "current_project",
    "enroll",
    "find_project",
    "my_projects",
    "publish",
    "remove_member",
    "remove_person",
    "set_period",
    "trail",
    "undelete",
    "usage",
    "who_read",
]

face(__name__)
