"""OPT: the optimizer. (OPT2xx is about the keys of optim_args.)"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trainspec.settings.choices import OptimizerNames as O
from trainspec.settings.choices import SchedulerType
from trainspec.settings.derived import arguments_of
from trainspec.settings.rules.effect import without_effect
from trainspec.settings.rules.predicates import above, all_of, any_of, equals, given, key, negate, one_of, said
from trainspec.settings.rules.rule import Rule
