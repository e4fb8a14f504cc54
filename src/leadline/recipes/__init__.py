"""The shipped recipes, one YAML each; `leadline.training.recipe` reads them."""
