"""The configuration of the Quinoa agent."""

import dataclasses
import math

from quinoa_acme.agents.common import averaging as averaging_lib
from quinoa_acme.agents.common import observations as observations_lib
from quinoa_acme.agents.common import off_policy
from quinoa_acme.agents.quinoa import acting
from quinoa_acme.agents.quinoa import fit as fit_lib
from quinoa_acme.agents.quinoa import networks
from quinoa_acme.agents.quinoa import prior as prior_lib
from quinoa_acme.agents.quinoa import returns as returns_lib
from quinoa_acme.agents.quinoa import temperature as temperature_lib
from quinoa_acme.networks import norms
from quinoa_acme.networks.flows import energy
from quinoa_acme.networks.flows import real_nvp
from quinoa_acme.networks.flows import tilted
from quinoa_acme.utils import validation


@dataclasses.dataclass(frozen=True, kw_only=True)
class QuinoaConfig(off_policy.OffPolicyConfig):
  """Options of the agent.

  The defaults fit Q to critics (`with_critics()`). `direct()` uses only the
  paper's single TD loss; `paper()` is the algorithm as printed. The agent's
  README says which fields the paper fixes and which it leaves open. The options
  for replay and for the ratio of updates to environment steps are those of
  `off_policy.OffPolicyConfig`.

  Attributes:
    flow: the kind and shape of the policy's flow.
    value_hidden_sizes: width of each hidden layer of V. Unused if the flow
      computes V itself, as with an `EnergyFlowConfig`.
    value_norm: normalisation of these layers.
    observations: whether all networks see observations normalised.
    fit: what Q is fitted to.
    returns: the number of steps of the TD target, and its trace.
    learning_rate: Adam's.
    max_gradient_norm: the global norm to which the gradient of flow and V
      together is clipped.
    temperature: how alpha is chosen.
    prior: the policy against which the policy's KL divergence is measured.
    target: how the target networks (of V or the critics) follow the learned
      ones.
    reward_scale: factor on the rewards that the learner sees. V, Q and alpha
      are in scaled units; logged returns are in the environment's.
    conservatism: weight of `losses.conservative_loss`, a penalty on Q at
      actions outside the data. For learning from fixed data.
    evaluation_network: which network's policy the evaluator uses, and
      `load_policy`.
    evaluation_policy: which action the evaluator takes.
  """

  # Networks.
  flow: networks.FlowConfig = tilted.TiltedFlowConfig()
  value_hidden_sizes: tuple[int, ...] = (128, 128)
  value_norm: norms.Norm = norms.WeightNorm()
  observations: observations_lib.Observations = (
    observations_lib.RawObservations()
  )

  # Loss.
  fit: fit_lib.Fit = fit_lib.CriticFit()
  returns: returns_lib.Return = returns_lib.SoftReturn(num_steps=3)
  learning_rate: float = 5e-4
  max_gradient_norm: float = 40.0
  temperature: temperature_lib.Temperature = (
    temperature_lib.MultiplierTemperature(epsilon=1.69, initial=0.05, rate=3e-4)
  )
  prior: prior_lib.Prior = prior_lib.UniformPrior()
  target: averaging_lib.Averaging = averaging_lib.Polyak(0.01)
  reward_scale: float = 1.0
  conservatism: float = 0.0

  # Acting.
  evaluation_network: acting.EvaluationNetwork = acting.OnlineNetwork()
  evaluation_policy: acting.ActionChoice = acting.MostLikely()

  @classmethod
  def with_critics(cls) -> 'QuinoaConfig':
    """The default: critics learn by the TD loss, and Q is fitted to them."""
    return cls()

  @classmethod
  def direct(cls) -> 'QuinoaConfig':
    """One TD loss on Q = V + alpha D, and no critic.

    The flow is the soft policy of a linear energy, with V in closed form.
    """
    return cls(
      flow=energy.EnergyFlowConfig(),
      observations=observations_lib.NormalisedObservations(),
      fit=fit_lib.DirectFit(proximity=0.1, weights=fit_lib.LikelihoodWeights()),
      returns=returns_lib.SoftReturn(num_steps=3, trace=returns_lib.CutTrace()),
      learning_rate=1e-3,
      evaluation_policy=acting.Median(),
    )

  @classmethod
  def paper(cls) -> 'QuinoaConfig':
    """The paper's algorithm, with documented choices where it is silent."""
    return cls(
      flow=real_nvp.RealNVPConfig(),
      value_hidden_sizes=(256, 256),
      fit=fit_lib.DirectFit(),
      returns=returns_lib.OneStep(),
      learning_rate=1e-3,
      max_gradient_norm=1.0,
      temperature=temperature_lib.DualTemperature(epsilon=0.1),
      prior=prior_lib.LaggedPrior(averaging_lib.CopyEvery(1000)),
      target=averaging_lib.CopyEvery(1000),
      evaluation_policy=acting.Sample(),
    )

  @classmethod
  def paper_held_q(cls) -> 'QuinoaConfig':
    """The paper's, with the other reading of the temperature's derivative.

    `paper()` follows Algorithm 2 to the letter, with the dual of the batch.
    Section 6.1 prints the derivative in terms of Q. Read that way, with Q held
    fixed, alpha keeps the KL divergence to the lagged prior at epsilon.
    """
    return dataclasses.replace(
      cls.paper(),
      fit=fit_lib.DirectFit(num_actions=4),
      temperature=temperature_lib.HeldQTemperature(epsilon=0.1, initial=0.1),
    )

  @classmethod
  def offline(cls) -> 'QuinoaConfig':
    """The default for a fixed data set: it stays near the data's actions.

    The critics are pessimistic, because no actor tries out the actions that
    they overrate. Q is fitted at more actions, because no environment waits for
    an update. Targets span one step, because the data's actions come from other
    policies and nothing corrects for that.
    """
    return cls(
      returns=returns_lib.OneStep(),
      conservatism=0.01,
      fit=fit_lib.CriticFit(pessimism=1.0, num_actions=4),
    )

  @classmethod
  def debug(cls) -> 'QuinoaConfig':
    """The default algorithm, so small that everything runs within seconds."""
    return cls(
      flow=tilted.TiltedFlowConfig(num_couplings=2, hidden_sizes=(16,)),
      value_hidden_sizes=(32,),
      fit=fit_lib.CriticFit(hidden_sizes=(32,), num_actions=2),
      **off_policy.SMALL_REPLAY,
    )

  @property
  def window(self) -> int:
    """Number of environment steps that a transition holds one by one."""
    return returns_lib.num_steps(self.returns)

  def __post_init__(self):
    super().__post_init__()
    validation.check_rate(self, 'learning_rate')
    validation.check_positive(self, 'max_gradient_norm', 'reward_scale')
    validation.check_sizes(self, 'value_hidden_sizes')
    validation.check_not_negative(self, 'conservatism')
    self._check_dual()
    self._check_held_q()
    self._check_evaluation_network()

  def _check_dual(self) -> None:
    if not isinstance(self.temperature, temperature_lib.DualTemperature):
      return
    if self.temperature.epsilon >= math.log(self.batch_size):
      raise ValueError(
        'the dual has a solution only for epsilon < log(batch_size) = '
        f'{math.log(self.batch_size):.3f}, but epsilon is '
        f'{self.temperature.epsilon}. Lower epsilon or raise batch_size '
        f'({self.batch_size}).'
      )

  def _check_evaluation_network(self) -> None:
    if isinstance(self.evaluation_network, acting.TargetNetwork) and isinstance(
      self.fit, fit_lib.CriticFit
    ):
      raise ValueError(
        'evaluation_network=TargetNetwork() needs a target network of the '
        'policy; a CriticFit has one of the critics alone: use DirectFit(...), '
        'or evaluation_network=OnlineNetwork().'
      )

  def _check_held_q(self) -> None:
    if (
      isinstance(self.temperature, temperature_lib.HeldQTemperature)
      and self.fit.num_actions < 2
    ):
      raise ValueError(
        'HeldQTemperature needs several actions a state, and '
        f'{type(self.fit).__name__} draws {self.fit.num_actions}: use '
        'DirectFit(num_actions=8), or a MultiplierTemperature.'
      )
