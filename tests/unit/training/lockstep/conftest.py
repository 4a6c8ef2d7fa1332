import pytest
import torch

# On networks this small a second thread only waits, and on a busy machine it waits long.
torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def _small_batches_are_meant(recwarn: pytest.WarningsRecorder) -> None:
    """Keep SB3's advice on minibatch sizes to itself: the tests choose awkward ones on purpose."""
