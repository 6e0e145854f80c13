"""From networks to denoisers: our own runs, and checkpoints of other projects."""

from jinc.models.device import choose_device, device_name, keep_freed_memory
from jinc.models.generation.chunks import CHUNK, Chunk, chunks
from jinc.models.generation.editing import edit_images
from jinc.models.generation.generate import generate_images, grid_columns, images_of
from jinc.models.generation.illusions import Anagram, Hybrid, HybridKind
from jinc.models.generation.in_parts import in_parts
from jinc.models.generation.kept_images import PART, await_images, keep_images, kept_images
from jinc.models.generation.plan import Composition, SamplingPlan, Threshold
from jinc.models.generation.small_image import SmallImage
from jinc.models.generation.sweep import Drawn, Sweep, shifts, sweep_images, turns
from jinc.models.generation.upscale import (
    Enlargement,
    UpscalingModel,
    factor_of,
    upscale_images,
    upscale_in_turn,
)
from jinc.models.model import Model, NetworkDenoiser
from jinc.models.opening import model_folder, open_model, open_upscaler, takes_texts
from jinc.models.others.deepfloyd import PromptedDenoiser, PromptedModel
from jinc.models.others.deepfloyd_files import (
    open_deepfloyd,
    open_deepfloyd_upscaler,
    open_prompt_encoder,
)
from jinc.models.others.deepfloyd_upscaler import PromptedUpscaler, PromptedUpscaling
from jinc.models.others.from_diffusers import DiffusersModel, DiffusersNetwork, from_diffusers
from jinc.models.others.hub import is_hub_name, pipeline_folder
from jinc.models.others.official import load_official
from jinc.models.others.prompt_encoder import Embedder, PromptEncoder
from jinc.models.others.prompt_table import PromptTable, read_prompts, write_prompts
from jinc.models.pixel_model import PixelModel
from jinc.models.single_step import SingleStep
from jinc.models.trained import Trained
from jinc.models.upscaler import Upscaler, UpscalingDenoiser

__all__ = [
    "CHUNK",
    "PART",
    "Anagram",
    "Chunk",
    "Composition",
    "DiffusersModel",
    "DiffusersNetwork",
    "Drawn",
    "Embedder",
    "Enlargement",
    "Hybrid",
    "HybridKind",
    "Model",
    "NetworkDenoiser",
    "PixelModel",
    "PromptEncoder",
    "PromptTable",
    "PromptedDenoiser",
    "PromptedModel",
    "PromptedUpscaler",
    "PromptedUpscaling",
    "SamplingPlan",
    "SingleStep",
    "SmallImage",
    "Sweep",
    "Threshold",
    "Trained",
    "Upscaler",
    "UpscalingDenoiser",
    "UpscalingModel",
    "await_images",
    "choose_device",
    "chunks",
    "device_name",
    "edit_images",
    "factor_of",
    "from_diffusers",
    "generate_images",
    "grid_columns",
    "images_of",
    "in_parts",
    "is_hub_name",
    "keep_freed_memory",
    "keep_images",
    "kept_images",
    "load_official",
    "model_folder",
    "open_deepfloyd",
    "open_deepfloyd_upscaler",
    "open_model",
    "open_prompt_encoder",
    "open_upscaler",
    "pipeline_folder",
    "read_prompts",
    "shifts",
    "sweep_images",
    "takes_texts",
    "turns",
    "upscale_images",
    "upscale_in_turn",
    "write_prompts",
]
