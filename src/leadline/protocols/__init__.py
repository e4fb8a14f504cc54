"""The shipped protocols, one YAML each; `leadline.metrics.protocols` reads them."""
