"""Reads options written as Python, e.g. `FixedTemperature(value=0.1)`.

A command line can thus set any field of a configuration, including composed
ones. Nothing is evaluated: the text is parsed, and only literals and the given
option types are built from it.
"""

import ast
from collections.abc import Callable, Mapping, Sequence
import dataclasses
import difflib
import functools
import json
import types
import typing
from typing import Any, TypeVar

from quinoa_acme.utils import validation

ConfigT = TypeVar('ConfigT')


@dataclasses.dataclass(frozen=True)
class _OpenType:
  """A type whose options can be registered.

  Attributes:
    members: returns the registered options.
    how: how to register one, as a call.
  """

  members: Callable[[], Sequence[type]]
  how: str


_OPEN_TYPES: dict[type, _OpenType] = {}


def declare_open(
  kind: type, members: Callable[[], Sequence[type]], how: str
) -> None:
  """Declares that fields of a type take the options registered for it.

  Args:
    kind: the type, as in the fields' annotations.
    members: returns the option types registered so far.
    how: how to register one, as a call, for messages.
  """
  _OPEN_TYPES[kind] = _OpenType(members, how)


def check_option_type(kind: Any) -> None:
  """Checks that a class can be an option: read and written as text and JSON.

  Args:
    kind: the class.

  Raises:
    TypeError: if it is not a frozen dataclass, or a field has no default or a
      type that cannot be read; says which, and why.
  """
  if not (isinstance(kind, type) and dataclasses.is_dataclass(kind)):
    raise TypeError(f'expected a frozen dataclass, but got {kind!r}.')
  name = kind.__name__
  if not kind.__dataclass_params__.frozen:  # pyright: ignore[reportAttributeAccessIssue]  The standard library's own mark.
    raise TypeError(
      f'{name} must be frozen: @dataclasses.dataclass(frozen=True)'
    )
  if missing := required_fields(kind):
    raise TypeError(
      f'each field of {name} needs a default, but {sorted(missing)} have none.'
    )
  try:
    option = kind()
    check_types(option)
    plain = json.loads(json.dumps(to_plain(option)))
    again = from_plain(plain, kind)
  except Exception as error:
    raise TypeError(
      f'{name} cannot be written as JSON and read again: '
      f'{type(error).__name__}: {error} Fields may be numbers, texts, tuples '
      'of one type, options (frozen dataclasses), or unions of these.'
    ) from error
  if again != option:
    raise TypeError(
      f'{name} comes back from JSON as {again!r}, but was {option!r}.'
    )


def is_defined_again(before: type, kind: type) -> bool:
  """Whether a class redefines another, as when a notebook's cell runs again."""
  return (before.__module__, before.__qualname__) == (
    kind.__module__,
    kind.__qualname__,
  )


def classes_in(value: Any) -> set[type]:
  """The classes of an option and of the options in its fields."""
  if isinstance(value, tuple):
    return set().union(*map(classes_in, value))
  if not dataclasses.is_dataclass(value):
    return set()
  parts = [getattr(value, field.name) for field in dataclasses.fields(value)]
  return {type(value)}.union(*map(classes_in, parts))


def replace(config: ConfigT, overrides: Mapping[str, str]) -> ConfigT:
  """A copy of a configuration with some fields read from texts.

  A name with a dot is a field of an option, one that the configuration has or
  that is given too: 'temperature.epsilon'.

  Args:
    config: a frozen dataclass that validates itself.
    overrides: texts by field name.

  Returns:
    The new configuration.

  Raises:
    ValueError: if a field is unknown, or a text or its value is wrong.
  """
  nested: dict[str, dict[str, str]] = {}
  whole = {}
  for name, text in overrides.items():
    option, dot, field = name.partition('.')
    if dot:
      nested.setdefault(option, {})[field] = text
    else:
      whole[name] = text
  values = parse_fields(type(config), whole)
  for name, texts in nested.items():
    values[name] = _replace_in(config, name, values, texts)
  return dataclasses.replace(config, **values)  # pyright: ignore


def _replace_in(
  config: Any,
  name: str,
  values: Mapping[str, Any],
  texts: Mapping[str, str],
) -> Any:
  """An option with some of its own fields read from texts."""
  known = [field.name for field in dataclasses.fields(config)]
  if name not in known:
    raise ValueError(
      f'{type(config).__name__} has no field {name!r}{suggest(name, known)}'
    )
  option = values.get(name, getattr(config, name))
  if not dataclasses.is_dataclass(option):
    raise ValueError(
      f'{name}={option!r} has no fields, but {name}.{next(iter(texts))} is set.'
    )
  try:
    return replace(option, texts)
  except ValueError as error:
    raise ValueError(f'{name}: {_sentence(error)}') from None


def parse_fields(kind: type, texts: Mapping[str, str]) -> dict[str, Any]:
  """Reads values for fields of a dataclass.

  Args:
    kind: the dataclass.
    texts: texts by field name.

  Returns:
    The values by field name.

  Raises:
    ValueError: if a field is unknown, or a text or its value is wrong.
  """
  hints = _hints(kind)
  values = {}
  for name, text in texts.items():
    if name not in hints:
      raise ValueError(
        f'{kind.__name__} has no field {name!r}{suggest(name, list(hints))}'
      )
    try:
      values[name] = parse(text, hints[name])
    except ValueError as error:
      raise ValueError(f'{name}={text!r}: {_sentence(error)}') from None
  return values


def check_types(options: Any) -> None:
  """Checks that each field of a dataclass has its type, or converts it.

  NumPy numbers become Python numbers.

  Args:
    options: the dataclass.

  Raises:
    ValueError: if a field has another type; names it and the expected type.
  """
  validation.make_plain(options)
  for name, hint in _hints(type(options)).items():
    try:
      _coerce(getattr(options, name), hint)
    except ValueError as error:
      raise ValueError(f'{name}: {_sentence(error)}') from None


def to_plain(value: Any) -> Any:
  """A configuration as plain values for JSON, each option with its type."""
  if not dataclasses.is_dataclass(value):
    return value
  fields = {
    field.name: to_plain(getattr(value, field.name))
    for field in dataclasses.fields(value)
  }
  return {'type': type(value).__name__, **fields}


def from_plain(plain: Any, hint: Any) -> Any:
  """Restores a value of `to_plain` that has been through JSON.

  Args:
    plain: plain values.
    hint: the expected type, an option type or a union of option types.

  Returns:
    The value.

  Raises:
    ValueError: if the values do not have that type, or are not valid.
  """
  if not isinstance(plain, Mapping):
    return _coerce(plain, hint)
  fields = dict(plain)
  name = fields.pop('type', None)
  types_by_name = {member.__name__: member for member in _members(hint)}
  if name not in types_by_name:
    raise ValueError(f'expected {_name(hint)}, not {name!r}')
  option = types_by_name[name]
  hints = _hints(option)
  known = {field.name for field in dataclasses.fields(option)}
  # A missing field was added later; its default is the former behaviour.
  if not required_fields(option) <= set(fields) <= known:
    raise ValueError(
      f'{name} has the fields {sorted(known)}, but given are {sorted(fields)}: '
      'they are of another version'
    )
  return option(
    **{key: from_plain(value, hints[key]) for key, value in fields.items()}
  )


def required_fields(kind: type) -> set[str]:
  """The fields of a dataclass that have no default."""
  return {
    field.name
    for field in dataclasses.fields(kind)
    if field.default is dataclasses.MISSING
    and field.default_factory is dataclasses.MISSING
  }


def parse(text: str, hint: Any) -> Any:
  """Reads one value.

  Args:
    text: a literal, a bare word for a string, or a call of an option type.
    hint: the expected type.

  Returns:
    The value.

  Raises:
    ValueError: if the text does not have that type.
  """
  if hint is str:
    return text
  try:
    node = ast.parse(text, mode='eval').body
  except SyntaxError:
    raise ValueError(f'expected {_name(hint)}, which this is not') from None
  value = _build(node, _option_types(hint))
  return _coerce(value, hint)


def _build(node: ast.expr, option_types: Mapping[str, type]) -> Any:
  """Builds a literal or an option."""
  if isinstance(node, ast.Name):
    node = ast.Call(func=node, args=[], keywords=[])
  if not isinstance(node, ast.Call):
    try:
      return ast.literal_eval(node)
    except ValueError:
      raise ValueError(
        f'expected a number, a tuple or an option, not {ast.unparse(node)!r}'
      ) from None
  name = ast.unparse(node.func)
  if name not in option_types:
    if not option_types:
      raise ValueError(f'expected a literal, not {name!r}')
    raise ValueError(
      f'unknown option {name!r}{suggest(name, list(option_types))} Expected '
      f'one of {", ".join(sorted(option_types))}'
    )
  option = option_types[name]
  hints = _hints(option)
  fields = [field.name for field in dataclasses.fields(option)]
  if len(node.args) > len(fields):
    raise ValueError(f'{name} takes at most {len(fields)} values')
  given = dict(zip(fields, node.args, strict=False))
  for keyword in node.keywords:
    if keyword.arg not in fields:
      raise ValueError(
        f'{name} has no field {keyword.arg!r}'
        f'{suggest(str(keyword.arg), fields)} It has {", ".join(fields)}'
      )
    given[keyword.arg] = keyword.value
  return option(
    **{
      field: _coerce(_build(value, option_types), hints[field])
      for field, value in given.items()
    }
  )


def _coerce(value: Any, hint: Any) -> Any:
  """Checks a value against its type; whole numbers serve as floats."""
  origin = typing.get_origin(hint)
  if hint is float and isinstance(value, int) and not isinstance(value, bool):
    return float(value)
  if hint is int and isinstance(value, bool):
    raise ValueError(f'expected {_name(hint)}, not {value!r}')
  if hint is int and isinstance(value, float) and value.is_integer():
    raise ValueError(f'expected int, not {value!r}: write {int(value)}')
  if origin is tuple:
    if not isinstance(value, Sequence) or isinstance(value, str):
      raise ValueError(f'expected {_name(hint)}, not {value!r}')
    element = typing.get_args(hint)[0]
    return tuple(_coerce(item, element) for item in value)
  members = _members(hint)
  if hint in _OPEN_TYPES and type(value) not in members:
    # A subclass would be written under a name that cannot be read back.
    raise ValueError(
      f'expected {_name(hint)}, not {value!r}: register your own by '
      f'{_OPEN_TYPES[hint].how}'
    )
  if not isinstance(value, members):
    raise ValueError(f'expected {_name(hint)}, not {value!r}')
  return value


@functools.cache
def _hints(kind: type) -> Mapping[str, Any]:
  """The types of a dataclass's fields, by name."""
  hints = typing.get_type_hints(kind)
  return {field.name: hints[field.name] for field in dataclasses.fields(kind)}


def _members(hint: Any) -> tuple[type, ...]:
  """The classes that a type allows: registered ones, a union's, or its own."""
  if hint in _OPEN_TYPES:
    return tuple(_OPEN_TYPES[hint].members())
  if typing.get_origin(hint) in (typing.Union, types.UnionType):
    return tuple(
      member for part in typing.get_args(hint) for member in _members(part)
    )
  return (hint,)


def option_types_of(kind: type) -> dict[str, type]:
  """The option types that a dataclass's fields take, by name."""
  return {
    name: option
    for hint in _hints(kind).values()
    for name, option in _option_types(hint).items()
  }


def _option_types(hint: Any) -> dict[str, type]:
  """The option types in a type and in their fields, by name."""
  found = {}
  for member in _members(hint):
    if dataclasses.is_dataclass(member):
      found[member.__name__] = member
      for inner in _hints(member).values():
        found |= _option_types(inner)
  return found


def _name(hint: Any) -> str:
  origin = typing.get_origin(hint)
  if origin is tuple:
    return f'a tuple of {_name(typing.get_args(hint)[0])}'
  names = [member.__name__ for member in _members(hint)]
  return names[0] if len(names) == 1 else f'one of {", ".join(names)}'


def _sentence(error: ValueError) -> str:
  text = str(error)
  return text if text.endswith(('.', '?')) else f'{text}.'


def suggest(name: str, known: Sequence[str]) -> str:
  """Ends a sentence about an unknown name: suggests the nearest, if any."""
  near = difflib.get_close_matches(name, known, n=1)
  return f'; did you mean {near[0]!r}?' if near else '.'
