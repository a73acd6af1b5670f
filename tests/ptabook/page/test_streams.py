import torch

from ptabook.page import Streams


def test_streams_of_one_page_differ_and_each_begins_anew():
    streams = Streams(seed=3)
    drawn = [streams.randn(4, stream=stream) for stream in range(5)]
    assert len({tuple(x.tolist()) for x in drawn}) == 5
    assert torch.equal(streams.randn(2, 2, stream=4).flatten(), drawn[4])
    assert torch.equal(torch.randn(4, generator=streams.generator(1), dtype=torch.float64), drawn[1])


def test_pages_of_different_seeds_share_no_stream():
    first, second = Streams(seed=0), Streams(seed=1)
    assert first.generator(999).initial_seed() < second.generator(0).initial_seed()
