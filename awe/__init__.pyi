# What `import awe` offers, for type checkers: these names are loaded when they are first used.
# Tasks and classes that are found and not listed are known by `__getattr__`.

import datetime as datetime
from typing import Any

from awe.config import Environment
from awe.context import context as context
from awe.db.objects.base import DBObject as DBObject
from awe.db.objects.base import persistent as persistent
from awe.db.query.query import Query as Query
from awe.db.query.saved import saved as saved
from awe.db.server.connection import database as database
from awe.dpu import LocalProcessor, Processor
from awe.errors import *  # noqa: F403 - a stub: all errors
from awe.inspect.frame import examine as examine
from awe.inspect.frame import inspect as inspect
from awe.inspect.samp import samp as samp
from awe.model import *  # noqa: F403 - a stub: all classes
from awe.pars import Pars as Pars
from awe.prompt.page import Help
from awe.prompt.page import awe_help as awe_help
from awe.prompt.session import connect as connect
from awe.rules.obscore import obscore as obscore
from awe.rules.timeline import calibrations as calibrations

__version__: str

Env: Environment
dpu: Processor
lpu: LocalProcessor
help: Help

def load_ipython_extension(shell: object) -> None: ...
def unload_ipython_extension(shell: object) -> None: ...
def __getattr__(name: str) -> Any: ...
