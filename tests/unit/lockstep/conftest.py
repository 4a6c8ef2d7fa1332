import torch

# On networks this small a second thread only waits, and on a busy machine it waits long.
torch.set_num_threads(1)
