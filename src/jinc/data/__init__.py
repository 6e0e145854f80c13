"""Image sets in, pictures out: one reader a format, and bytes to [-1, 1] and back."""

from jinc.data.animation import ANIMATIONS, check_animation, save_animation
from jinc.data.boxes import Box, parse_box
from jinc.data.cache import cache_folder
from jinc.data.canvas import Canvas, Fitting, crop_with, fit, window_about
from jinc.data.cifar import CIFAR10_CLASSES, read_cifar
from jinc.data.decode import MAX_PIXELS, decode_image, decode_with_alpha, read_header
from jinc.data.digits import read_digits
from jinc.data.folder import CACHE_BYTES, Progress, read_folder
from jinc.data.idx import read_idx, read_mnist
from jinc.data.images import enlargement, image_grid, save_png, to_float, to_uint8
from jinc.data.imageset import ImageSet, concatenate
from jinc.data.listing import Listing, list_images
from jinc.data.load import load_images
from jinc.data.masks import Mask, read_mask
from jinc.data.mnist_csv import read_mnist_csv
from jinc.data.numbered import (
    is_numbered,
    list_numbered,
    numbered_files,
    numbered_name,
    remove_images,
    save_images,
)
from jinc.data.pictures import Picture, read_picture
from jinc.data.resize import FILTERS, fit_image, fit_images, resize_square, to_channels
from jinc.data.sheet import contact_sheet
from jinc.data.splits import SPLITS, Split
from jinc.data.summary import Summary

__all__ = [
    "ANIMATIONS",
    "CACHE_BYTES",
    "CIFAR10_CLASSES",
    "FILTERS",
    "MAX_PIXELS",
    "SPLITS",
    "Box",
    "Canvas",
    "Fitting",
    "ImageSet",
    "Listing",
    "Mask",
    "Picture",
    "Progress",
    "Split",
    "Summary",
    "cache_folder",
    "check_animation",
    "concatenate",
    "contact_sheet",
    "crop_with",
    "decode_image",
    "decode_with_alpha",
    "enlargement",
    "fit",
    "fit_image",
    "fit_images",
    "image_grid",
    "is_numbered",
    "list_images",
    "list_numbered",
    "load_images",
    "numbered_files",
    "numbered_name",
    "parse_box",
    "read_cifar",
    "read_digits",
    "read_folder",
    "read_header",
    "read_idx",
    "read_mask",
    "read_mnist",
    "read_mnist_csv",
    "read_picture",
    "remove_images",
    "resize_square",
    "save_animation",
    "save_images",
    "save_png",
    "to_channels",
    "to_float",
    "to_uint8",
    "window_about",
]
