"""Tests of what is a command: its flags, its help, and what does not fit."""

from absl import flags
import pytest

from quinoa_acme.cli import command


def _make(run=lambda values: None) -> command.Command:
  def define_flags(values: flags.FlagValues) -> None:
    flags.DEFINE_string('place', None, 'Where.', flag_values=values)
    flags.DEFINE_integer('times', 3, 'How often.', flag_values=values)

  return command.Command(
    name='go',
    summary='Goes.',
    about='Goes somewhere.',
    define_flags=define_flags,
    run=run,
    positional='place',
    required=('place',),
  )


def _parse(*arguments: str) -> flags.FlagValues:
  values = flags.FlagValues()
  _make().define_flags(values)
  command.parse(_make(), values, ['quinoa go', *arguments])
  return values


@pytest.mark.parametrize('arguments', [('home',), ('--place=home',)])
def test_an_argument_without_a_name_is_the_positional(arguments):
  values = _parse(*arguments, '--times=2')
  assert (values.place, values.times) == ('home', 2)


def test_a_second_one_is_refused():
  with pytest.raises(flags.Error, match="'away' is no flag"):
    _parse('home', 'away')


def test_what_must_be_given_is_asked_for():
  values = _parse()
  with pytest.raises(SystemExit, match='--place is not set'):
    command.run_parsed(_make(), values)


def test_what_a_command_can_not_do_is_told_in_a_line():
  def fail(values):
    raise command.CommandError(f'there is no {values.place}')

  with pytest.raises(SystemExit, match='error: there is no home'):
    command.run_parsed(_make(fail), _parse('home'))


def test_help_tells_the_flags():
  told = command.describe(_make(), 'quinoa go')
  assert told.startswith('usage: quinoa go PLACE')
  assert '--times' in told
  assert 'How often.' in told
