"""Reads what alphaprune_mpi writes: reports, metrics, spectra, pruned tensors, scores of choices."""

from .bitmask import dense
from .run import Matrix, Perplexity, Run
from .scores import ItemScore, accuracy, load_scores
from .tensors import Checkpoint, ModelFolder, TensorInfo, Tensors

__all__ = ["Checkpoint", "ItemScore", "Matrix", "ModelFolder", "Perplexity", "Run", "TensorInfo", "Tensors",
           "accuracy", "dense", "load_scores"]
__version__ = "0.1.0"
