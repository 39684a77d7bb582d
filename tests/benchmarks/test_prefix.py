from hypothesis import given
from hypothesis import strategies as st

from benchmarks.prefix import shared_prefix_length

tokens = st.lists(st.integers(0, 2), max_size=8)


@given(earlier=st.lists(tokens, max_size=5), prompt=tokens)
def test_what_a_prompt_shares_is_its_longest_common_beginning(earlier, prompt):
    shared = shared_prefix_length(prompt, earlier)
    assert shared == 0 or any(prompt[:shared] == other[:shared] for other in earlier)
    if shared < len(prompt):
        longer = prompt[: shared + 1]
        assert not any(longer == other[: shared + 1] for other in earlier)
