"""What all figures of the reproduction share: titles that fit, a key below, letters, fonts."""

from matplotlib.figure import Figure

from modelcollapse.reproduce.style import KEY, legend, panels


def lines(text):
    """Return the length of the longest line."""
    return max(map(len, text.splitlines()))


def test_titles_and_keys_fit():
    """No line is longer than the picture is wide."""
    words = "word " * 60
    for columns, most in ((1, 84), (5, 166)):
        figure, axes = panels(1, columns, words)
        axes[0, 0].plot([0, 1], label="a line")
        legend(figure, axes, words)
        assert lines(figure.get_suptitle()) <= most
        assert lines(figure.legends[0].get_title().get_text()) <= most
    figure, axes = panels(2, 3, "One line")
    legend(figure, axes, KEY)
    assert figure.get_suptitle() == "One line"


def test_every_panel_has_its_letter():
    """In the order in which they are read, and beyond z."""
    figure, axes = panels(4, 7, "Letters")
    found = [axis.get_title(loc="left") for axis in axes.flat]

    assert isinstance(figure, Figure)
    assert found[:3] == ["a", "b", "c"]
    assert found[24:] == ["y", "z", "aa", "ab"]
