"""The tables of the paper as experiments, with the paper's figures."""

from __future__ import annotations

from sdfl.datasets.official import DATASETS
from sdfl.datasets.wflw import ATTRIBUTES
from sdfl.train.reproduce.evaluation_sets import HELEN_TEST, HELEN_VALIDATION
from sdfl.train.reproduce.experiment import BINARY, FC, L1, NO_RELATIVE, WING, Cell, Experiment

BACKBONES = {
    "MobileNetV2": "mobilenet_v2",
    "EfficientNet-B0": "efficientnet_b0",
    "EfficientNet-B1": "efficientnet_b1",
    "VGG16": "timm/vgg16_bn",
    "ResNet18": "timm/resnet18",
    "ResNet34": "timm/resnet34",
    "Res2Net50_26w_4s": "timm/res2net50_26w_4s",
    "HRNetW18C": "timm/hrnet_w18",
}
# FC with L1, FC with Soft Wing, graph with L1, graph with Soft Wing: NME on WFLW
TABLE1_NME = {
    "MobileNetV2": (4.99, 4.86, 4.77, 4.70),
    "EfficientNet-B0": (5.00, 4.80, 4.79, 4.61),
    "EfficientNet-B1": (4.92, 4.81, 4.79, 4.60),
    "VGG16": (5.57, 4.83, 5.42, 4.71),
    "ResNet18": (5.02, 4.95, 4.76, 4.65),
    "ResNet34": (4.88, 4.83, 4.67, 4.55),
    "Res2Net50_26w_4s": (4.89, 4.85, 4.60, 4.55),
    "HRNetW18C": (4.56, 4.54, 4.41, 4.35),
}
FULL, WFLW_NME = "wflw:test", "wflw:test.nme"
WFLW_SETS = (FULL, *(f"{FULL}/{name}" for name in ATTRIBUTES))
WFLW_NEEDS = DATASETS["wflw"].needs
SUBSET_FIGURES = {
    "nme": (4.35, 7.42, 4.63, 4.29, 4.22, 5.19, 5.08),
    "fr": (2.72, 12.88, 1.59, 2.58, 2.43, 5.71, 3.62),
    "auc": (0.5759, 0.3152, 0.5501, 0.5847, 0.5831, 0.5035, 0.5147),
}


def backbone(name: str) -> tuple[str, ...]:
    """The overrides that choose one of BACKBONES; EfficientNets keep their last convolution (released code)."""
    chosen = BACKBONES[name]
    kept = ("model.conv_head=true",) if chosen.startswith("efficientnet") else ()
    return (f"model.backbone='{chosen}'", *kept)


def on_wflw(name: str, overrides: tuple[str, ...], nme: float | None = None) -> Cell:
    """A cell that is measured by its NME on WFLW.

    Args:
        name: of the row.
        overrides: `section.key=value` each.
        nme: the paper's figure, None where it has none.
    """
    return Cell(name, overrides, {} if nme is None else {WFLW_NME: nme})


def _wflw(name: str, title: str, cells: tuple[Cell, ...]) -> Experiment:
    return Experiment(name, title, "paper_wflw", cells, (WFLW_NME,), (FULL,), WFLW_NEEDS)


TABLE1 = _wflw(
    "table1",
    "Table I: backbones, heads and losses on WFLW",
    tuple(
        on_wflw(f"{name}, {head}, {loss}", (*backbone(name), *head_set, *loss_set), nme)
        for name, figures in TABLE1_NME.items()
        for (head, head_set, loss, loss_set), nme in zip(
            (("FC", FC, "L1", L1), ("FC", FC, "SWing", ()), ("L-GRL", (), "L1", L1), ("L-GRL", (), "SWing", ())),
            figures,
            strict=True,
        )
    ),
)

_SUBSET_COLUMNS = {
    f"{where}.{metric}": figure
    for metric, figures in SUBSET_FIGURES.items()
    for where, figure in zip(WFLW_SETS, figures, strict=True)
}
TABLE2 = Experiment(
    "table2",
    "Table II: WFLW and its six subsets (HRNetW18C)",
    "paper_wflw",
    (Cell("SDFL", backbone("HRNetW18C"), _SUBSET_COLUMNS),),
    (*_SUBSET_COLUMNS, f"{FULL}.auc20"),
    WFLW_SETS,
    WFLW_NEEDS,
)

TABLE3 = Experiment(
    "table3",
    "Table III: COFW, and COFW-68 after training on 300W (HRNetW18C)",
    "paper_cofw",
    (
        Cell("trained on COFW", backbone("HRNetW18C"), {"cofw:test.nme": 3.63, "cofw:test.fr": 0.0}),
        Cell(
            "trained on 300W", backbone("HRNetW18C"), {"cofw68:test.nme": 4.18, "cofw68:test.fr": 0.0},
            "paper_300w", ("cofw68:test",),
        ),
    ),
    ("cofw:test.nme", "cofw:test.fr", "cofw68:test.nme", "cofw68:test.fr"),
    ("cofw:test",),
    f"{DATASETS['cofw'].needs}; {DATASETS['cofw68'].needs}; {DATASETS['300w'].needs}",
)  # fmt: skip

W300_COLUMNS = {"300w:common.nme": 2.88, "300w:challenging.nme": 4.93, "300w:full.nme": 3.28}
TABLE4 = Experiment(
    "table4",
    "Table IV: 300W (HRNetW18C)",
    "paper_300w",
    (Cell("SDFL", backbone("HRNetW18C"), W300_COLUMNS),),
    tuple(W300_COLUMNS),
    ("300w:common", "300w:challenging", "300w:full"),
    DATASETS["300w"].needs,
)

TABLE5 = Experiment(
    "table5",
    "Table V: cost and accuracy (ResNet34; the paper's 23 ms are a GTX 1080 Ti's)",
    "paper_wflw",
    (Cell("SDFL", backbone("ResNet34"), {"cost.macs": 5.165, "cost.ms": 23.0, WFLW_NME: 4.55}),),
    ("cost.macs", "cost.ms", WFLW_NME),
    (FULL,),
    WFLW_NEEDS,
)

# Two matrices a graph convolution, edges both ways with scores of each layer (the Laplacian keeps the directed ones),
# and the released schedule and augmentation.
RELEASED_CODE = (
    "model.weights='pair'",
    "model.adjacency='static_per_layer'",
    "model.symmetric=true",
    "optimizer.milestones=[200, 350]",
    "augment.rescale=0.0686",
    "augment.translation_px=25.6",
)
_R18 = backbone("ResNet18")
TABLE6 = _wflw(
    "table6",
    "Table VI: ablation on WFLW (ResNet18), and separate against joint correlation (section IV.E)",
    (
        on_wflw("FC, L1", (*_R18, *FC, *L1, *NO_RELATIVE), 5.23),
        on_wflw("FC, Soft Wing", (*_R18, *FC, *NO_RELATIVE), 5.06),
        on_wflw("FC, L1, relative", (*_R18, *FC, *L1), 5.02),
        on_wflw("FC, Soft Wing, relative", (*_R18, *FC), 4.95),
        on_wflw("graph, L1, dynamic", (*_R18, *L1, *NO_RELATIVE), 4.87),
        on_wflw("graph, Soft Wing, dynamic", (*_R18, *NO_RELATIVE), 4.75),
        on_wflw("graph, L1, relative, dynamic", (*_R18, *L1), 4.76),
        on_wflw("graph, Soft Wing, relative, dynamic", _R18, 4.65),
        on_wflw("graph, Soft Wing, relative, binary", (*_R18, *BINARY), 4.85),
        on_wflw("graph, Soft Wing, relative, dynamic, joint correlation", (*_R18, "model.correlation='joint'")),
        on_wflw("released code", (*_R18, *RELEASED_CODE)),
    ),
)

EPSILONS = (0.1, 0.2, 0.5, 1.0, 1.5, 2.0)
TABLE7_NME = {"Wing": (5.38, 4.94, 4.76, 4.74, 4.75, 4.73), "Soft Wing": (4.68, 4.66, 4.65, 4.71, 4.71, 4.72)}
TABLE7 = _wflw(
    "table7",
    "Table VII: losses and epsilon on WFLW (ResNet18)",
    (
        on_wflw("L1", (*_R18, *L1), 4.76),
        *(
            on_wflw(f"{name}, epsilon {epsilon}", (*_R18, *loss, f"loss.epsilon={epsilon}"), nme)
            for name, loss in (("Wing", WING), ("Soft Wing", ()))
            for epsilon, nme in zip(EPSILONS, TABLE7_NME[name], strict=True)
        ),
    ),
)

FIG8_K = (1, 3, 6, 12, 24, 48, 97)
FIG8 = _wflw(
    "fig8",
    "Figure 8: number of neighbours k on WFLW",
    tuple(
        on_wflw(f"{name}, k {k}", (*backbone(name), f"model.neighbours={k}"), TABLE1_NME[name][3] if k == 3 else None)
        for name in ("HRNetW18C", "ResNet34", "MobileNetV2", "EfficientNet-B0", "VGG16")
        for k in FIG8_K
    ),
)

TABLE6_REDUCED = Experiment(
    "table6-reduced",
    "Table VI, reduced: MobileNetV2, 128 px, 15 epochs, AFW and the part of HELEN train at hand",
    "ablation_128",
    (
        Cell("graph, Soft Wing, relative, dynamic"),
        Cell("FC, Soft Wing, relative", FC),
        Cell("graph, L1, relative, dynamic", L1),
        Cell("graph, Soft Wing, no relative, dynamic", NO_RELATIVE),
        Cell("graph, Soft Wing, relative, binary", BINARY),
    ),
    (f"{HELEN_TEST}.nme", f"{HELEN_VALIDATION}.nme", f"{HELEN_TEST}.fr", f"{HELEN_TEST}.auc"),
    (HELEN_TEST, HELEN_VALIDATION),
    "afw, helen/trainset and helen/testset of 300W and imagenet/mobilenet_v2-b0353104.pth",
)

EXPERIMENTS = {
    each.name: each for each in (TABLE1, TABLE2, TABLE3, TABLE4, TABLE5, TABLE6, TABLE7, FIG8, TABLE6_REDUCED)
}
