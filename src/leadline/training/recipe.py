"""Recipes: everything that makes a run reproducible, in one YAML file."""

from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PositiveInt,
    ValidationError,
    model_validator,
)

from leadline.errors import LeadlineError, nearest
from leadline.metrics import METRICS


class _Section(BaseModel):
    """A part of a recipe: unknown keys are errors, values are checked, nothing changes later."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


class ModelSection(_Section):
    """Which network, what it starts from, what it regresses.

    `encoder_weights`: `imagenet` (torchvision's file, from its cache or downloaded), `shipped`
    (the package's own ImageNet MobileNetV2), `none`, or a local file. A local file must say how
    it wants its input normalised: `normalization` is imagenet, symmetric ([-1,1]) or unit ([0,1]).
    `channel_order` is how the network sees the colours.
    """

    architecture: str
    encoder: str | None = None
    encoder_weights: str = "imagenet"
    normalization: Literal["auto", "imagenet", "symmetric", "unit"] = "auto"
    channel_order: Literal["rgb", "bgr"] = "rgb"
    depth_space: Literal["linear", "log", "reciprocal"] = "log"
    min_depth: float = Field(1e-3, gt=0)
    max_depth: float = Field(10.0, gt=0)
    options: dict[str, Any] = {}


class DataSection(_Section):
    """What is trained on. `area` is the number of input pixels; the sides follow the images.

    `batch_size` images make one step of the optimizer, however many processes and micro-batches
    share them. `last_batch`: an epoch's last, short batch is dropped or kept.

    Where the data has no val split, `val_fraction` of the samples validate; `val_unit` scene takes
    whole scenes (rooms, drives, folders), because the neighbours of a video frame look like it.

    `layout` is how the data is laid out (auto: recognised), `options` are that layout's own, such
    as {camera: 3}; docs/data.md lists both.
    """

    layout: str = "auto"
    options: dict[str, str | int | float | bool] = {}
    area: int = Field(76_800, ge=1024)
    min_depth: float = Field(1e-3, ge=0)
    max_depth: float = Field(10.0, gt=0)
    batch_size: int = Field(8, ge=1)
    last_batch: Literal["drop", "keep"] = "drop"
    val_fraction: float = Field(0.1, ge=0, lt=1)
    val_unit: Literal["sample", "scene"] = "sample"
    seed: int = Field(0, ge=0)
    limit: int | None = Field(None, ge=1)
    workers: int = Field(1, ge=0)


Range = tuple[float, float]


class AugmentSection(_Section):
    """Random changes of a training pair; each range is drawn from uniformly.

    `scale` zooms in by s and divides depth by s; `rotation` is in degrees; corners that rotate in
    are invalid. `gain`, `channel_gain`, `gamma` and `saturation` are factors.
    """

    flip: float = Field(0.0, ge=0, le=1)
    rotation: float = Field(0.0, ge=0, le=180)
    scale: Range = (1.0, 1.0)
    gain: Range = (1.0, 1.0)
    channel_gain: Range = (1.0, 1.0)
    gamma: Range = (1.0, 1.0)
    saturation: Range = (1.0, 1.0)
    channel_permutation: float = Field(0.0, ge=0, le=1)


class LossTerm(_Section):
    """One term of the loss: a name in `LOSSES`, the space it is computed in, its weight.

    `target`: network units; `depth`: metres; `labels`: class scores against class ids.
    """

    name: str
    weight: float = 1.0
    space: Literal["target", "depth", "labels"] = "target"
    options: dict[str, Any] = {}


class ParameterGroup(_Section):
    """The parameters whose names match a glob: slower, decayed otherwise, or frozen.

    A frozen BatchNorm layer keeps its running statistics too.
    """

    match: str
    lr_factor: float = Field(1.0, gt=0)
    weight_decay: float | None = Field(None, ge=0)
    frozen: bool = False


class OptimizerSection(_Section):
    """`encoder_lr` defaults to `lr`; `clip` bounds the norm of the gradient (0: no bound).

    `groups`, where given, say it by globs on parameter names: the first that matches takes a
    parameter, and together they take all.
    """

    name: Literal["adam", "adamw", "sgd"] = "adamw"
    lr: float = Field(1e-3, gt=0)
    encoder_lr: float | None = Field(None, gt=0)
    weight_decay: float = Field(0.0, ge=0)
    momentum: float = Field(0.0, ge=0, lt=1)
    amsgrad: bool = False
    clip: float = Field(0.0, ge=0)
    groups: tuple[ParameterGroup, ...] = ()

    @model_validator(mode="after")
    def _one_way_to_say_it(self) -> Self:
        if self.groups and self.encoder_lr is not None:
            raise ValueError("groups and encoder_lr both set rates; add optimizer.encoder_lr=null")
        return self


def _known_metric(name: str) -> str:
    if name not in METRICS:
        raise ValueError(f"not a metric{nearest(name, METRICS)}; known: {', '.join(METRICS)}")
    return name


MetricName = Annotated[str, AfterValidator(_known_metric)]


class ScheduleSection(_Section):
    """How the learning rate moves over the run; it always spans the steps the run will take.

    `polynomial`: (1-t)**power down to `final` of the rate. `cosine`: half a cosine down to
    `final`. `one_cycle`: the same after a cosine up from 4 %. `step`: times `factor` every
    `every_epochs`. `plateau`: times `factor` after every `patience` validations in a row in which
    `metric` did not become better than its best by more than `min_delta`; never below `final`.
    `warmup`: the share of the steps over which the rate rises, in a line (0 where not given; 0.1
    and a cosine for `one_cycle`).
    """

    name: Literal["constant", "one_cycle", "polynomial", "step", "cosine", "plateau"] = "one_cycle"
    warmup: float | None = Field(None, ge=0, lt=1)
    final: float = Field(0.0, ge=0, le=1)
    power: float = Field(1.0, gt=0)
    every_epochs: int = Field(5, ge=1)
    factor: float = Field(0.1, gt=0, le=1)
    metric: MetricName = "abs_rel"
    patience: int = Field(5, ge=1)
    min_delta: float = Field(0.0, ge=0)


class EarlyStoppingSection(_Section):
    """End the run after `patience` validations in a row without a better `metric`.

    Better means better than the best so far by more than `min_delta`.
    """

    metric: MetricName = "abs_rel"
    patience: int = Field(10, ge=1)
    min_delta: float = Field(0.0, ge=0)


LoggerName = Literal["tensorboard", "wandb", "mlflow"]


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


class TrainerSection(_Section):
    """Length, precision, cadence and machines of a run.

    `precision` auto is bf16 where the chip has it. `accumulate` cuts a process's share of a batch
    into so many micro-batches: less memory, the same step. `ema` is the decay of a moving average
    of the weights, which is then what is validated and saved (0: none). `freeze_batch_norm` keeps
    running statistics as they start. `devices` and `num_nodes` are processes a node and nodes:
    auto is what torchrun or srun started, else one.
    `max_minutes` is a slice of wall-clock time: when it is over, the run writes a checkpoint and
    ends as a success, to be resumed for another slice.
    """

    epochs: int = Field(28, ge=1)
    max_steps: int | None = Field(None, ge=1)
    max_minutes: float | None = Field(None, gt=0)
    seed: int = Field(0, ge=0)
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    accumulate: int = Field(1, ge=1)
    ema: float = Field(0.0, ge=0, lt=1)
    compile: bool = False
    freeze_batch_norm: bool = False
    accelerator: Literal["auto", "cpu", "gpu"] = "auto"
    devices: Literal["auto"] | PositiveInt = "auto"
    num_nodes: Literal["auto"] | PositiveInt = "auto"
    validate_every_epochs: int = Field(2, ge=1)
    checkpoint_every_steps: int = Field(200, ge=1)
    log_every_steps: int = Field(10, ge=1)
    protocol: str = "auto"
    loggers: Annotated[tuple[LoggerName, ...], BeforeValidator(_listed)] = ("tensorboard",)
    early_stopping: EarlyStoppingSection | None = None


class Recipe(_Section):
    """A whole run: what the YAML says, defaults filled in."""

    name: str
    description: str
    source: str = ""
    published: dict[str, float] = {}
    model: ModelSection
    data: DataSection = DataSection()  # type: ignore[call-arg]
    augment: AugmentSection = AugmentSection()  # type: ignore[call-arg]
    loss: tuple[LossTerm, ...] = Field(min_length=1)
    optimizer: OptimizerSection = OptimizerSection()  # type: ignore[call-arg]
    schedule: ScheduleSection = ScheduleSection()  # type: ignore[call-arg]
    trainer: TrainerSection = TrainerSection()  # type: ignore[call-arg]

    @property
    def reads_labels(self) -> bool:
        """Whether any term of the loss looks at class labels."""
        return any(term.space == "labels" for term in self.loss)

    def to_yaml(self) -> str:
        """Return the resolved recipe as YAML that `load_recipe` reads back unchanged."""
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def list_recipes() -> list[str]:
    """Return the names of the recipes that ship with the package."""
    folder = resources.files("leadline.recipes")
    return sorted(
        p.name.removesuffix(".yaml") for p in folder.iterdir() if p.name.endswith(".yaml")
    )


def load_recipe(name_or_path: str, overrides: Sequence[str] = ()) -> Recipe:
    """Load a shipped recipe by name or one from a YAML file, then apply `key=value` overrides.

    Errors: LeadlineError for an unknown name (naming the nearest one), a file that is not YAML,
    an unknown key (naming the nearest known one) or a value of the wrong kind.
    """
    text, origin = _read_recipe_text(name_or_path)
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise LeadlineError(f"{origin}: not valid YAML: {' '.join(str(error).split())}") from error
    if not isinstance(content, dict):
        raise LeadlineError(
            f"{origin}: a recipe is a mapping of keys, found {type(content).__name__}"
        )
    for override in overrides:
        _apply_override(content, override)
    return parse_recipe(content, origin)


def parse_recipe(content: Mapping[str, Any], origin: str) -> Recipe:
    """Validate a recipe that was read from `origin`."""
    try:
        return Recipe.model_validate(content)
    except ValidationError as error:
        raise LeadlineError(f"{origin}: {_explain(error)}") from error


def _read_recipe_text(name_or_path: str) -> tuple[str, str]:
    path = Path(name_or_path)
    if path.suffix in {".yaml", ".yml"} or path.is_file():
        try:
            return path.read_text(encoding="utf-8"), str(path)
        except (OSError, UnicodeDecodeError) as error:
            raise LeadlineError(f"{path}: recipe cannot be read ({error})") from error
    known = list_recipes()
    if name_or_path not in known:
        raise LeadlineError(
            f"recipe {name_or_path!r} is not known{nearest(name_or_path, known)}; "
            "'leadline recipes' lists them, a YAML file works too"
        )
    resource = resources.files("leadline.recipes") / f"{name_or_path}.yaml"
    return resource.read_text(encoding="utf-8"), f"recipe {name_or_path}"


def _apply_override(content: dict[str, Any], override: str) -> None:
    key, separator, value = override.partition("=")
    if not separator or not key:
        raise LeadlineError(
            f"--set {override!r}: expected key=value, for instance optimizer.lr=3e-4"
        )
    *sections, last = key.split(".")
    place: Any = content
    for section in sections:
        place = _step_into(place, section)
        if not isinstance(place, dict | list):
            raise LeadlineError(f"--set {override!r}: {section} is not a section of the recipe")
    if not isinstance(place, dict):
        raise LeadlineError(f"--set {override!r}: {last} is not a section of the recipe")
    try:
        place[last] = _number_or_yaml(value)
    except yaml.YAMLError as error:
        raise LeadlineError(f"--set {override!r}: the value is not valid YAML") from error


def _step_into(place: Any, section: str) -> Any:
    """Return the part of a recipe called `section`; a number picks from a list (loss.1.weight)."""
    if isinstance(place, list):
        known = section.isdigit() and int(section) < len(place)
        return place[int(section)] if known else None
    if place.get(section) is None:  # absent, or an optional section that is switched off
        place[section] = {}
    return place[section]


def _number_or_yaml(value: str) -> Any:
    # YAML 1.1 reads 3e-4 as a string; a person who types it means the number.
    try:
        return int(value) if value.lstrip("+-").isdigit() else float(value)
    except ValueError:
        return yaml.safe_load(value)


def _explain(error: ValidationError) -> str:
    """One line for the first problem of a recipe, with the nearest known key where it helps."""
    problem = error.errors()[0]
    place = list(problem["loc"])
    key = ".".join(str(part) for part in place)
    if problem["type"] != "extra_forbidden":
        return f"{key} = {problem['input']!r}: {problem['msg'].removeprefix('Value error, ')}"
    section: Any = Recipe
    for part in place[:-1]:
        # A number picks from a list, whose sections are all of the list's one kind.
        section = section if isinstance(part, int) else _section_type(section, str(part))
    known = sorted(section.model_fields) if section else []
    return f"unknown key {key!r}{nearest(str(place[-1]), known)}; known: {', '.join(known)}"


def _section_type(parent: Any, name: str) -> Any:
    annotation = parent.model_fields[name].annotation if parent else None
    choices = [annotation, *get_args(annotation)]
    sections = [c for c in choices if isinstance(c, type) and issubclass(c, BaseModel)]
    return sections[0] if sections else None
