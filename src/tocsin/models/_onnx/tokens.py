"""The tokenizer of a directory: `tokenizer.json`, or made of `vocab.txt`, or of `vocab.json` and `merges.txt`."""

from __future__ import annotations

from pathlib import Path

from tokenizers import Tokenizer, normalizers, pre_tokenizers, processors
from tokenizers.models import BPE, WordPiece

from tocsin.errors import ConfigError
from tocsin.models._onnx.folder import read_json
from tocsin.text import one_line

_SENTENCEPIECE = ("sentencepiece.bpe.model", "spiece.model", "spm.model", "tokenizer.model")


def tokenizer(path: Path, where: str) -> Tokenizer:
    """Without padding or truncation. Raises ConfigError."""
    try:
        found = _tokenizer(path, where)
        found.no_padding()
        found.no_truncation()
        return found
    except ConfigError:
        raise
    except Exception as error:  # the library raises nothing narrower
        said = one_line(str(error), 200)
        raise ConfigError(f"{where}: its tokenizer cannot be read: {said}", hint="get the directory anew") from error


def _tokenizer(path: Path, where: str) -> Tokenizer:
    if (path / "tokenizer.json").is_file():
        return Tokenizer.from_file(str(path / "tokenizer.json"))
    if (path / "vocab.txt").is_file():
        return _word_pieces(path, where)
    if (path / "vocab.json").is_file() and (path / "merges.txt").is_file():
        return _byte_pairs(path)
    if any((path / name).is_file() for name in _SENTENCEPIECE):
        hint = "make one where transformers is: AutoTokenizer.from_pretrained(DIR).save_pretrained(DIR)"
        raise ConfigError(f"{where} has a sentencepiece model but no tokenizer.json", hint=hint)
    hint = "tokenizer.json is needed, or vocab.txt, or vocab.json and merges.txt"
    raise ConfigError(f"{where} has no tokenizer", hint=hint)


def _word_pieces(path: Path, where: str) -> Tokenizer:
    """As BERT's: lower case and without accents unless the directory says otherwise."""
    said = read_json(path / "tokenizer_config.json", where)
    lower, accents = said.get("do_lower_case") is not False, said.get("strip_accents")
    made = Tokenizer(WordPiece.from_file(str(path / "vocab.txt"), unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer(
        lowercase=lower, strip_accents=accents if isinstance(accents, bool) else None
    )
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.post_processor = processors.BertProcessing(_marked(made, "[SEP]"), _marked(made, "[CLS]"))
    made.add_special_tokens(["[UNK]", "[SEP]", "[PAD]", "[CLS]", "[MASK]"])
    return made


def _byte_pairs(path: Path) -> Tokenizer:
    """As RoBERTa's: bytes, and <s> and </s> around."""
    made = Tokenizer(BPE.from_file(str(path / "vocab.json"), str(path / "merges.txt")))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.post_processor = processors.RobertaProcessing(
        _marked(made, "</s>"), _marked(made, "<s>"), trim_offsets=True, add_prefix_space=False
    )
    made.add_special_tokens(["<s>", "<pad>", "</s>", "<unk>"])
    return made


def _marked(made: Tokenizer, mark: str) -> tuple[str, int]:
    number = made.token_to_id(mark)
    if number is None:
        raise ValueError(f"its vocabulary has no {mark}")
    return mark, number
