"""Tab: the place in IPython's completer where awe's matchers are asked, and IPython's are not.

What answers is loaded with the first Tab, so that the prompt starts without it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from IPython.core.completer import CompletionContext, SimpleMatcherResult, context_matcher

from awe.prompt.traits import Awe

__all__ = ["install", "remove"]

OURS = "awe"
#: IPython's matchers that awe asks itself, where they belong.
ASKED = [f"IPCompleter.{name}_matcher" for name in ("magic", "file", "python", "python_func_kw")]
#: The rule of IPython's policy that awe narrows.
RULE = "can_get_attr"


def install(shell: Any, settings: Awe, whole: Callable[[], None]) -> None:
    """Let a shell complete as the prompt does, unless the settings say that it should not.

    `whole` sees to it that all names are there.
    """
    completer = shell.Completer

    @context_matcher(identifier=OURS)  # type: ignore[untyped-decorator]
    def match(context: CompletionContext) -> SimpleMatcherResult:
        from awe.prompt import matchers

        whole()
        if RULE not in completer.policy_overrides:
            # not before the first Tab: IPython loads what evaluates when it is told of a rule
            completer.policy_overrides = {**completer.policy_overrides, RULE: may_be_read}
        return matchers.match(shell, context, ours=settings.completion)

    def may_be_read(value: Any, name: str) -> bool:
        from awe.prompt import matchers

        return matchers.may_be_read(completer, value, name)

    completer.custom_matchers.append(match)
    completer.disable_matchers = [*completer.disable_matchers, *ASKED]


def remove(shell: Any) -> None:
    """Take back what `install` did."""
    completer = shell.Completer
    kept = [m for m in completer.custom_matchers if getattr(m, "matcher_identifier", "") != OURS]
    completer.custom_matchers[:] = kept
    completer.disable_matchers = [m for m in completer.disable_matchers if m not in ASKED]
    overrides = completer.policy_overrides
    completer.policy_overrides = {key: rule for key, rule in overrides.items() if key != RULE}
