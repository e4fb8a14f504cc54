"""Recipes: everything that makes a run reproducible, in one YAML file."""

from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PositiveInt,
    ValidationError,
    field_validator,
    model_validator,
)

from leadline.errors import LeadlineError, nearest, one_line
from leadline.io.files import check_ordinary
from leadline.io.yaml_files import parse_yaml
from leadline.training.config import FieldDescription, OneOf, Section, describe_fields, explain
from leadline.training.loggers import LOGGERS
from leadline.training.overrides import apply_overrides, check_effects
from leadline.training.schedules import EarlyStoppingSection, ScheduleSection


class ModelSection(Section):
    """The network, its initial weights, and what it regresses."""

    architecture: str = Field(description="Network, one of `leadline models`.")
    encoder: str | None = Field(None, description="Encoder in place of the architecture's own.")
    init: str | None = Field(
        None,
        description="Trained model that the whole network starts from: a shipped model, a run or "
        "model/ folder, a weights file; null: encoder_weights alone.",
    )
    encoder_weights: str = Field(
        "imagenet",
        description="What the encoder starts from: imagenet (torchvision's file, from its cache or "
        "downloaded), shipped (the package's MobileNetV2), none, or a local file.",
    )
    normalization: Literal["auto", "imagenet", "symmetric", "unit"] = Field(
        "auto",
        description="How the input is normalised; a local file of weights must say it: imagenet, "
        "symmetric ([-1,1]) or unit ([0,1]).",
    )
    channel_order: Literal["rgb", "bgr"] = Field(
        "rgb", description="Order in which the network sees the colours."
    )
    depth_space: Literal["linear", "log", "reciprocal"] = Field(
        "log", description="What the network regresses: metres, their logarithm or reciprocal."
    )
    min_depth: float = Field(1e-3, gt=0, description="Nearest depth it can predict, metres.")
    max_depth: float = Field(
        10.0, gt=0, description="Farthest depth it can predict, metres; null: data.max_depth."
    )
    capped: bool = Field(
        False,
        description="true: depth between max_depth and data.max_depth is trained on as max_depth; "
        "false: there may be none.",
    )
    options: dict[str, Any] = Field({}, description="Options of the architecture, by name.")


class WorldsSection(Section):
    """Generated rooms or streets, rendered into the cache where they are missing."""

    kind: Literal["rooms", "streets"] = Field(description="What is generated.")
    count: int = Field(1000, ge=1, description="Views in all, those of validation included.")
    size: tuple[int, int] = Field((240, 320), description="Height and width of the pictures.")
    seed: int = Field(0, ge=0, description="Another seed gives other worlds.")
    val_share: float = Field(
        0.1, ge=0, lt=1, description="Share of the views that validates: worlds of their own."
    )
    labels: str = Field(
        "worlds", description="Class set: worlds, nyu40, nyu13, vkitti, cityscapes."
    )
    sky: Literal["invalid", "far"] = Field(
        "invalid", description="Depth of the sky: none, or 655.35 m."
    )
    variations: tuple[str, ...] = Field(
        (), description="What each camera of a street is shown in; empty: one drawn for each."
    )


def _absolute_paths(options: dict[str, Any]) -> dict[str, Any]:
    # Absolute, since a run may be resumed from another folder.
    if not options:
        return options
    from leadline.datasets.open import with_absolute_paths

    return with_absolute_paths(options)


LayoutOptions = Annotated[dict[str, str | int | float | bool], AfterValidator(_absolute_paths)]

OPENING = ("layout", "options")
"""Keys of `data`, and of a set of `mix`, that define how data is read."""


class MixedSet(Section):
    """One of several data sets that are trained on together."""

    name: str = Field(min_length=1, description="What loss.N.sets calls it.")
    weight: float | None = Field(
        None,
        gt=0,
        description="Share of the images, beside the others'; null in all: by their sizes.",
    )
    path: str | None = Field(
        None, description="Where the data is; without it and worlds, what --data names."
    )
    layout: str = Field("auto", description="Layout of the data (docs/data.md); auto: recognised.")
    options: LayoutOptions = Field({}, description="Options of the layout, such as {camera: 3}.")
    worlds: WorldsSection | None = Field(None, description="Generated worlds in place of a path.")
    labels: bool = Field(
        True, description="false: its pixels count as without a class, whatever its files say."
    )

    @field_validator("path")
    @classmethod
    def _absolute(cls, path: str | None) -> str | None:
        # Absolute, since a run may be resumed from another folder.
        return None if path is None else str(Path(path).expanduser().resolve())

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if self.path is not None and self.worlds is not None:
            raise ValueError("has a path and worlds; leave one out")
        return self

    @property
    def needs_data_option(self) -> bool:
        """Whether --data gives its path."""
        return self.path is None and self.worlds is None


class DataSection(Section):
    """The training data and the validation data.

    By default the data of --data. A recipe may name its own: `worlds`, or several sets in `mix`.
    """

    worlds: WorldsSection | None = Field(
        None, description="Generated worlds, unless --data names data."
    )
    mix: tuple[MixedSet, ...] = Field((), description="Data sets that are trained on together.")
    val_set: str | None = Field(
        None, description="The set of mix whose images validate; null: the first."
    )
    layout: str = Field(
        "auto",
        description="Layout of the data (docs/data.md); auto: recognised. In a mix, that of the "
        "set that --data names.",
    )
    options: LayoutOptions = Field(
        {}, description="Options of the layout, such as {camera: 3}; of the same set."
    )
    camera_fov: float | None = Field(
        None,
        gt=0,
        lt=180,
        description="Degrees across the first image, as --fov: the training camera, to which all "
        "depth is brought by the ratio of focal lengths; null: the data's own.",
    )
    area: int = Field(
        76_800,
        ge=1024,
        description="Input pixels; the sides follow the aspect ratio of the images.",
    )
    min_depth: float = Field(1e-3, ge=0, description="Depth up to this is invalid, metres.")
    max_depth: float = Field(10.0, gt=0, description="Depth beyond this is invalid, metres.")
    batch_size: int = Field(
        8, ge=1, description="Images of one step, over all processes and micro-batches."
    )
    last_batch: Literal["drop", "keep"] = Field(
        "drop", description="Whether the last, short batch of an epoch is trained on."
    )
    val_fraction: float = Field(
        0.1,
        ge=0,
        lt=1,
        description="Share of the samples that validates where the data has no split of its own.",
    )
    val_unit: Literal["sample", "scene"] = Field(
        "sample", description="scene: whole rooms, drives or folders validate, not single frames."
    )
    seed: int = Field(0, ge=0, description="Which samples val_fraction draws.")
    limit: int | None = Field(None, ge=1, description="Train on N samples, drawn with seed.")
    workers: int = Field(1, ge=0, description="Processes that load data; the bits do not change.")

    @model_validator(mode="before")
    @classmethod
    def _opening_is_of_named_set(cls, content: Any) -> Any:
        return _with_opening_in_its_set(content)

    @model_validator(mode="after")
    def _sets_fit_each_other(self) -> Self:
        names = [each.name for each in self.mix]
        if self.mix and self.worlds is not None:
            raise ValueError("has worlds and mix; name the worlds in a set of mix")
        if len(set(names)) < len(names):
            raise ValueError(f"mix has two sets of one name: {', '.join(names)}")
        if sum(each.needs_data_option for each in self.mix) > 1:
            raise ValueError("mix has two sets without path and worlds; --data can name only one")
        if self.val_set is not None and self.val_set not in names:
            raise ValueError(f"val_set {self.val_set!r} is no set of mix: {', '.join(names)}")
        return self

    @property
    def validating_set(self) -> MixedSet | None:
        """The set of mix whose images validate, None without a mix."""
        if not self.mix:
            return None
        return next((each for each in self.mix if each.name == self.val_set), self.mix[0])

    @property
    def needs_data_option(self) -> bool:
        """Whether the recipe needs --data."""
        return any(each.needs_data_option for each in self.mix) if self.mix else self.worlds is None


def _with_opening_in_its_set(content: Any) -> Any:
    """Return `data` with `layout` and `options` moved into the set of `mix` given by --data.

    Errors: ValueError if no set of `mix` is given by --data.
    """
    sets = content.get("mix") if isinstance(content, Mapping) else None
    if not isinstance(sets, list | tuple) or not sets:
        return content
    given = {key: content[key] for key in OPENING if content.get(key) not in (None, "auto", {})}
    sets = [each.model_dump() if isinstance(each, MixedSet) else each for each in sets]
    named = [number for number, each in enumerate(sets) if _is_named_by_data(each)]
    if given and not named:
        raise ValueError(
            f"{' and '.join(given)}: describes the data of --data, which is not part of the mix; "
            "set it in a set of the mix"
        )
    for number in named[:1] if given else ():
        sets[number] = _read_as(given, sets[number])
    return {**{key: content[key] for key in content if key not in given}, "mix": sets}


def _read_as(given: Mapping[str, Any], mixed_set: Mapping[str, Any]) -> dict[str, Any]:
    """Return a set with `layout` and `options` of `given`, merging the options with its own."""
    own, options = mixed_set.get("options"), given.get("options")
    if isinstance(own, Mapping) and isinstance(options, Mapping):
        given = {**given, "options": {**own, **options}}
    return {**mixed_set, **given}


def _is_named_by_data(mixed_set: Any) -> bool:
    return isinstance(mixed_set, Mapping) and not (mixed_set.get("path") or mixed_set.get("worlds"))


def _low_to_high(given: tuple[float, float]) -> tuple[float, float]:
    if given[0] > given[1]:
        raise ValueError("the smaller end comes first")
    return given


NotNegative = Annotated[float, Field(ge=0)]
Positive = Annotated[float, Field(gt=0)]
Range = Annotated[tuple[NotNegative, NotNegative], AfterValidator(_low_to_high)]
PositiveRange = Annotated[tuple[Positive, Positive], AfterValidator(_low_to_high)]


class AugmentSection(Section):
    """Random changes of a training pair; each range is drawn from uniformly."""

    flip: float = Field(0.0, ge=0, le=1, description="Probability of a mirrored pair.")
    rotation: float = Field(
        0.0, ge=0, le=180, description="Largest angle, degrees; corners that rotate in are invalid."
    )
    scale: PositiveRange = Field(
        (1.0, 1.0), description="Zooms in by s (below 1: out) and divides depth by s."
    )
    gain: Range = Field((1.0, 1.0), description="Factor of the brightness.")
    channel_gain: Range = Field((1.0, 1.0), description="Factor of each colour channel.")
    gamma: PositiveRange = Field((1.0, 1.0), description="Exponent of the brightness.")
    saturation: Range = Field((1.0, 1.0), description="Factor of the saturation.")
    channel_permutation: float = Field(
        0.0, ge=0, le=1, description="Probability of another order of the channels."
    )


class LossTerm(Section):
    """One term of the loss; the terms are weighted and added."""

    name: str = Field(description="Loss, a name in `leadline.training.losses.LOSSES`.")
    weight: float = Field(1.0, description="Factor of this term.")
    space: Literal["target", "depth", "labels", "spread", "validity"] = Field(
        "target",
        description="Computed in network units (target), metres (depth), class scores (labels), "
        "of the stated uncertainty (spread, for laplace), or of where there is a depth within the "
        "range of the data (validity, for binary_cross_entropy).",
    )
    options: dict[str, Any] = Field({}, description="Options of the loss, by name.")
    sets: tuple[str, ...] = Field(
        (), description="Sets of data.mix that it looks at; it is 0 for other images. Empty: all."
    )

    @property
    def ignored_ids(self) -> frozenset[int]:
        """The class ids that this term ignores."""
        return frozenset(map(int, self.options.get("ignore", ())))


class ParameterGroup(Section):
    """The parameters whose names match a glob. A frozen BatchNorm also keeps its statistics."""

    match: str = Field(description="Glob on parameter names; the first that matches takes it.")
    lr_factor: float = Field(1.0, gt=0, description="Factor of optimizer.lr.")
    weight_decay: float | None = Field(
        None, ge=0, description="In place of optimizer.weight_decay."
    )
    frozen: bool = Field(False, description="Whether these parameters stay as they are.")


class OptimizerSection(Section):
    """The optimizer and its rates."""

    name: Literal["adam", "adamw", "sgd"] = Field("adamw", description="Optimizer of torch.optim.")
    lr: float = Field(1e-3, gt=0, description="Learning rate that the schedule multiplies.")
    encoder_lr: float | None = Field(
        None, ge=0, description="Rate of the encoder; null: lr, 0: the encoder is frozen."
    )
    weight_decay: float = Field(0.0, ge=0, description="Weight decay (decoupled for adamw).")
    momentum: float = Field(0.0, ge=0, lt=1, description="Momentum of sgd.")
    amsgrad: bool = Field(False, description="AMSGrad variant of adam and adamw.")
    clip: float = Field(0.0, ge=0, description="Largest norm of the gradient; 0: no bound.")
    groups: tuple[ParameterGroup, ...] = Field(
        (), description="Globs on parameter names with rates of their own; together they take all."
    )

    @model_validator(mode="after")
    def _one_rate_for_the_encoder(self) -> Self:
        if self.groups and self.encoder_lr is not None:
            raise ValueError("groups and encoder_lr both set rates; add optimizer.encoder_lr=null")
        return self


LoggerName = Annotated[str, OneOf("logger", LOGGERS)]


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


class TrainerSection(Section):
    """Length, precision, cadence and machines of a run."""

    epochs: int = Field(28, ge=1, description="Passes over the training data.")
    max_steps: int | None = Field(None, ge=1, description="Length in steps, in place of epochs.")
    max_minutes: float | None = Field(
        None, gt=0, description="Write a checkpoint and end after so long, to be resumed later."
    )
    seed: int = Field(0, ge=0, description="Seed of weights, order, augmentation and dropout.")
    precision: Literal["auto", "fp32", "bf16", "fp16"] = Field(
        "auto", description="What the network computes in; auto: bf16 where the chip has it."
    )
    accumulate: int = Field(
        1,
        ge=1,
        description="Micro-batches of a process's share of a batch: less memory, same step.",
    )
    ema: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="Decay of a moving average of the weights, which is then scored and saved.",
    )
    compile: bool = Field(False, description="Whether the network goes through torch.compile.")
    freeze_batch_norm: bool = Field(
        False, description="Whether BatchNorm keeps the running statistics it starts with."
    )
    accelerator: Literal["auto", "cpu", "gpu"] = Field("auto", description="Kind of device.")
    devices: Literal["auto"] | PositiveInt = Field(
        "auto", description="Processes a node; auto: what torchrun or srun started, else 1."
    )
    num_nodes: Literal["auto"] | PositiveInt = Field(
        "auto", description="Nodes; auto: what torchrun or srun started, else 1."
    )
    validate_every_epochs: int = Field(2, ge=1, description="Epochs between validations.")
    keep: Literal["best", "last"] = Field(
        "best",
        description="Which validated model stays in model/: the best by abs_rel, or the last, for "
        "stages that train what abs_rel does not see.",
    )
    checkpoint_every_steps: int = Field(200, ge=1, description="Steps between checkpoints.")
    log_every_steps: int = Field(10, ge=1, description="Steps whose mean loss is one logged value.")
    protocol: str = Field("auto", description="Protocol of the validation (leadline protocols).")
    loggers: Annotated[tuple[LoggerName, ...], BeforeValidator(_as_list)] = Field(
        ("tensorboard",),
        description=f"Who gets the metrics beside metrics.csv: {', '.join(LOGGERS)}.",
    )
    early_stopping: EarlyStoppingSection | None = Field(
        None, description="metric, patience, min_delta: end a run that no longer improves."
    )


class Recipe(Section):
    """A complete run: the content of the YAML, with defaults filled in."""

    name: str = Field(description="Name of the recipe.")
    description: str = Field(description="What it is, in a sentence.")
    source: str = Field("", description="Paper and section, or repository.")
    published: dict[str, float] = Field({}, description="Scores that the source prints.")
    model: ModelSection
    data: DataSection = DataSection()  # type: ignore[call-arg]
    augment: AugmentSection = AugmentSection()  # type: ignore[call-arg]
    loss: tuple[LossTerm, ...] = Field(min_length=1)
    optimizer: OptimizerSection = OptimizerSection()  # type: ignore[call-arg]
    schedule: ScheduleSection = ScheduleSection()  # type: ignore[call-arg]
    trainer: TrainerSection = TrainerSection()  # type: ignore[call-arg]

    @model_validator(mode="before")
    @classmethod
    def _network_ends_with_the_data(cls, content: Any) -> Any:
        if not isinstance(content, Mapping) or not isinstance(content.get("model"), Mapping):
            return content
        model, data = content["model"], content.get("data")
        farthest = data.get("max_depth") if isinstance(data, Mapping) else None
        if model.get("max_depth") is not None or isinstance(farthest, bool):
            return content
        rest = {key: value for key, value in model.items() if key != "max_depth"}
        if isinstance(farthest, int | float):
            rest["max_depth"] = farthest
        return {**content, "model": rest}

    @model_validator(mode="after")
    def _losses_name_sets_of_the_mix(self) -> Self:
        known = [each.name for each in self.data.mix]
        for place, term in enumerate(self.loss):
            for name in term.sets:
                if name not in known:
                    sets = ", ".join(known) or "none"
                    raise ValueError(
                        f"loss.{place}.sets: data.mix has no set {name!r}, it has: {sets}"
                    )
        return self

    @property
    def class_terms(self) -> dict[int, LossTerm]:
        """The loss terms that use class labels, by their index in `loss`."""
        return {place: term for place, term in enumerate(self.loss) if term.space == "labels"}

    @property
    def ignored_classes(self) -> frozenset[int]:
        """The class ids ignored by all loss terms that use labels; empty if there are none."""
        ignored = [term.ignored_ids for term in self.class_terms.values()]
        return frozenset.intersection(*ignored) if ignored else frozenset()

    def to_yaml(self) -> str:
        """Return the resolved recipe as YAML, which `load_recipe` reads back unchanged."""
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def describe_recipe(name_or_path: str) -> list[FieldDescription]:
    """Return every key of a recipe with its value and its description, in the order of the YAML.

    Errors: as for `load_recipe`.
    """
    return list(describe_fields(load_recipe(name_or_path)))


def list_recipes() -> list[str]:
    """Return the names of the recipes that ship with the package."""
    folder = resources.files("leadline.recipes")
    return sorted(
        p.name.removesuffix(".yaml") for p in folder.iterdir() if p.name.endswith(".yaml")
    )


def load_recipe(name_or_path: str, overrides: Sequence[str] = ()) -> Recipe:
    """Load a shipped recipe by name or one from a YAML file, and apply `key=value` overrides.

    Errors: LeadlineError for an unknown name (naming the nearest one), a file that is not YAML,
    an unknown key (naming the nearest known one), a value of the wrong kind, or an override that
    has no effect.
    """
    text, origin = _read_recipe_text(name_or_path)
    content = parse_yaml(text, origin, "recipe")
    if not isinstance(content, dict):
        raise LeadlineError(
            f"{origin}: a recipe is a mapping of keys, not a {type(content).__name__}"
        )
    return _changed(content, overrides, origin)


def change_recipe(recipe: Recipe, overrides: Sequence[str]) -> Recipe:
    """Return a recipe with `key=value` overrides applied. Errors: as for `load_recipe`."""
    if not overrides:
        return recipe
    return _changed(recipe.model_dump(mode="json"), overrides, f"recipe {recipe.name}")


def _changed(content: dict[str, Any], overrides: Sequence[str], origin: str) -> Recipe:
    apply_overrides(content, overrides)
    recipe = parse_recipe(content, origin)
    check_effects(recipe, overrides)
    return recipe


def parse_recipe(content: Mapping[str, Any], origin: str) -> Recipe:
    """Validate a recipe that was read from `origin`."""
    try:
        return Recipe.model_validate(content)
    except ValidationError as error:
        raise LeadlineError(f"{origin}: {explain(error, Recipe)}") from error


def _read_recipe_text(name_or_path: str) -> tuple[str, str]:
    path = Path(name_or_path)
    if path.suffix in {".yaml", ".yml"} or path.is_file():
        check_ordinary(path)
        try:
            return path.read_text(encoding="utf-8"), str(path)
        except (OSError, ValueError) as error:  # ValueError: not UTF-8, or a NUL byte in the name
            raise LeadlineError(f"{path}: recipe cannot be read ({one_line(error)})") from error
    known = list_recipes()
    if name_or_path not in known:
        raise LeadlineError(
            f"recipe {name_or_path!r} is not known{nearest(name_or_path, known)}; "
            "'leadline recipes' lists them, a YAML file works too"
        )
    resource = resources.files("leadline.recipes") / f"{name_or_path}.yaml"
    return resource.read_text(encoding="utf-8"), f"recipe {name_or_path}"
