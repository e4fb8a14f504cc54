"""Which extra installs a module that is missing; loggers name theirs in `training.loggers`."""

EXTRA_OF = {
    "torch": "train",
    "torchvision": "train",
    "lightning_fabric": "train",
    "matplotlib": "train",
    "onnx": "train",
    "onnxscript": "train",
    "onnxruntime": "train",
    "safetensors": "train",
    "h5py": "data",
    "pi_heif": "heic",
    "timm": "timm",
    "torchmetrics": "train",
    "huggingface_hub": "hub",
    "transformers": "hf",
    "embreex": "worlds",
    "nncf": "int8",
    "executorch": "executorch",
    "litert_torch": "litert",
    "ai_edge_litert": "litert",
    "av": "video",
    "ray": "ray",
    "pyarrow": "ray",
    "fastapi": "serve",
    "starlette": "serve",
    "uvicorn": "serve",
    "h11": "serve",
    "prometheus_client": "serve",
    "python_multipart": "serve",
    "rerun": "rerun",
    "leadline_web": "web",
}


def explain_missing(error: ModuleNotFoundError) -> str:
    """Return one line that says how to install what is missing."""
    name = (error.name or "").partition(".")[0]
    if name not in EXTRA_OF:  # of the light install, which pip then completes
        return f"the module {name or error} is not installed: pip install leadline"
    return f"this command needs {name}: {how_to_install(EXTRA_OF[name])}"


def how_to_install(extra: str) -> str:
    """Return the command that installs an extra.

    >>> how_to_install("train")
    "pip install 'leadline[train]'"
    """
    command = f"pip install 'leadline[{extra}]'"
    return f"{command}, in a checkout pip install ./web" if extra == "web" else command
