"""Models on the Hugging Face hub: fetched through its own client and cache, and sent there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from leadline import __version__
from leadline.errors import LeadlineError, one_line

HUB = "hf:"
"""How the name of a model on the hub, or of a folder laid out like one there, begins."""

TAKEN = ("*.json", "*.safetensors", "*model.onnx", "*.txt", "*.model", "README.md")
"""What is fetched of a repository: no weights that hold code (pickles)."""
PASSED_OVER = ("onnx/*", "checkpoint*/*", "*.fp16.safetensors")
"""What is not, though it is TAKEN: the same weights again, in other types or of other steps."""
REPLACED = ("model.onnx", "training_fingerprints.json")
"""What goes from a repository with a commit that does not bring it: it is of other weights."""


def is_on_hub(name: str | Path) -> bool:
    """Return whether a model is named as one of the hub is."""
    return str(name).startswith(HUB)


def fetch_model(name: str) -> Path:
    """Return the folder of hf:FOLDER, or of hf:USER/NAME[@REVISION], which is fetched.

    What was fetched before comes from the hub's cache. `HF_ENDPOINT`, `HF_TOKEN`, `HF_HOME` and
    `HF_HUB_OFFLINE` mean what they do for `huggingface_hub`.
    Errors: LeadlineError for a name that is none, a repository that is not there or not reached.
    """
    short = name.removeprefix(HUB)
    if Path(short).is_dir():
        return Path(short)
    repo, _, revision = short.partition("@")
    if repo.count("/") != 1 or short.startswith((".", "/", "~")):
        raise LeadlineError(
            f"{name}: no such folder, and no name on the hub; give hf:FOLDER or hf:USER/NAME"
        )
    with explain_hub_errors(name):
        from huggingface_hub import snapshot_download

        folder = snapshot_download(
            repo, revision=revision or None, allow_patterns=[*TAKEN],
            ignore_patterns=[*PASSED_OVER], library_name="leadline", library_version=__version__,
        )  # fmt: skip
        return Path(folder)


def fetch_text(repo: str, name: str) -> str | None:
    """Return a file's text of USER/NAME on the hub, None where there is none.

    Errors: LeadlineError where the hub is not reached, or refuses.
    """
    with explain_hub_errors(f"{HUB}{repo}"):
        from huggingface_hub import errors, hf_hub_download

        try:
            path = hf_hub_download(repo, name)
        except errors.GatedRepoError:  # a kind of the next, but something is there
            raise
        except (errors.RepositoryNotFoundError, errors.RemoteEntryNotFoundError):
            return None
        return Path(path).read_text(encoding="utf-8")


def send_folder(folder: Path, repo: str, *, private: bool, message: str) -> str:
    """Send the files of a folder to a repository of the hub, which is made; return its address.

    What it holds of other weights goes. With `private`, one that is public already is refused.
    Errors: LeadlineError where that is not allowed, or the hub is not reached.
    """
    with explain_hub_errors(f"{HUB}{repo}"):
        from huggingface_hub import HfApi

        hub = HfApi(library_name="leadline", library_version=__version__)
        # None, not False: an organisation may have it that its repositories are private.
        url = hub.create_repo(repo, private=private or None, exist_ok=True)
        if private and not hub.model_info(repo).private:
            raise LeadlineError(
                f"{HUB}{repo}: already exists and is public; nothing was sent; make it private in "
                "its settings on the hub, or leave private out"
            )
        hub.upload_folder(
            repo_id=repo, folder_path=folder, commit_message=message,
            delete_patterns=[*REPLACED],
        )  # fmt: skip
    return str(url)


@contextmanager
def explain_hub_errors(name: str) -> Iterator[None]:
    """Raise what the client of the hub raises as one line that names the repository."""
    try:
        from huggingface_hub import errors
    except ImportError as error:
        raise LeadlineError(
            f"{name}: the hub needs huggingface_hub: pip install 'leadline[hub]'"
        ) from error
    # The first are those of its HTTP client, whichever that is.
    expected: tuple[type[Exception], ...] = (*errors.HfHubHTTPError.__bases__, OSError, ValueError)
    try:
        yield
    except expected as error:
        raise LeadlineError(f"{name}: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    """Return what was wrong, and what to do."""
    from huggingface_hub import errors

    status = getattr(getattr(error, "response", None), "status_code", None)
    reasons = (
        (
            isinstance(error, errors.GatedRepoError),
            "its owner must grant access: ask for it on the hub, and log in with 'hf auth login'",
        ),
        (
            status == 403,
            "you may not do that there; check the owner's name, and that the token may read the "
            "repository, or write to it where it is pushed to",
        ),
        (
            isinstance(error, errors.RepositoryNotFoundError),
            "no such repository on the hub, or a private one; check the name, and log in with "
            "'hf auth login' or HF_TOKEN",
        ),
        (
            status == 401 or isinstance(error, errors.LocalTokenNotFoundError),
            "the hub does not know who you are; log in with 'hf auth login' or HF_TOKEN",
        ),
        (
            isinstance(error, errors.RevisionNotFoundError),
            "the repository has no such revision; give @BRANCH, @TAG or @COMMIT",
        ),
        (
            isinstance(error, errors.LocalEntryNotFoundError),
            "the hub cannot be reached, and the model was not fetched before",
        ),
    )
    return next(
        (words for applies, words in reasons if applies),
        f"the hub said: {one_line(error)[:200]}",
    )
