"""An independent NumPy implementation of the models, losses and optimizers, in float64, with gradients by complex steps.

f'(x) = Im f(x + ih) / h for h = 1e-30: no difference is taken, so the derivative is right to the last digit. Everything here must
therefore be analytic where it is differentiated: comparisons look at real parts only.
"""

import itertools

import numpy as np

STEP = 1e-30


def gradient(function, params):
    """The gradient of a function of a dict of real arrays, by name."""
    gradients = {}
    for name, weights in params.items():
        gradients[name] = np.zeros_like(weights)
        for index in np.ndindex(weights.shape):
            moved = weights.astype(complex)
            moved[index] += 1j * STEP
            gradients[name][index] = function({**params, name: moved}).imag / STEP
    return gradients


def activate(kind, x):
    if kind == "relu":
        return np.where(x.real > 0, x, 0)
    if kind == "quadratic":
        return x**2
    if kind == "tanh":
        return np.tanh(x)
    return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


def mlp(config, params, inputs):
    if config.task.inputs == "tokens":
        inputs = np.eye(config.task.num_tokens)[inputs].reshape(len(inputs), -1)
    hidden = inputs
    for layer in range(1, config.model.layers + 1):
        hidden = activate(config.model.activation, hidden @ params["hidden" if layer == 1 else f"hidden_{layer}"].T)
    outputs = hidden @ params["output"].T
    return outputs[:, 0] if outputs.shape[1] == 1 else outputs


def modular_mlp(config, params, inputs):
    """The one-hot form, as published."""
    model, v = config.model, config.task.num_tokens
    if model.embedding == "circle":
        frequencies = [int(k) for k in model.circle_frequencies.split("+")]
        angles = [2 * np.pi * k * np.arange(v) / v for k in frequencies]
        waves = np.stack(list(itertools.chain(*((np.cos(angle), np.sin(angle)) for angle in angles))), axis=1)
        embeddings = [waves / np.sqrt((waves**2).sum(0))] * 2
    elif model.embedding == "untied":
        embeddings = [params["embedding_a"], params["embedding_b"]]
    else:
        embeddings = [params["embedding"]] * 2
    hidden = 0
    for position, (letter, embedding) in enumerate(zip("ab", embeddings, strict=True)):
        read = np.eye(v)[inputs[:, position]] @ embedding
        if not model.collapsed_hidden:
            read = read @ params["hidden" if model.tied_hidden else f"hidden_{letter}"].T
        hidden = hidden + read
    hidden = activate(model.activation, hidden)
    if not model.collapsed_output:
        hidden = hidden @ params["output"]
    tied = model.embedding in ("tied", "circle")
    return hidden @ (embeddings[0] if tied else params["unembedding"]).T


def transformer(config, params, inputs):
    model = config.model
    positions = inputs.shape[1] + 1
    asking = np.full((len(inputs), 1), config.task.num_tokens)
    stream = params["embedding"][np.concatenate([inputs, asking], axis=1)] + params["embedding_position"]

    def normed(x, index):
        if not model.layer_norm:
            return x
        x = x - x.mean(-1, keepdims=True)
        return params[f"gain_{index}"] * x / np.sqrt((x**2).mean(-1, keepdims=True) + 1e-5)

    size = model.width // model.heads
    for block in range(1, model.layers + 1):
        x = normed(stream, 2 * block - 2)
        query, key, value = (x @ params[f"{name}_{block}"].T for name in ("query", "key", "value"))
        taken = np.zeros(query.shape, complex)
        for head in range(model.heads):
            at = slice(head * size, (head + 1) * size)
            scores = query[..., at] @ key[..., at].swapaxes(1, 2) / np.sqrt(size)
            weights = np.exp(scores) * np.tril(np.ones((positions, positions)))
            taken[..., at] = (weights / weights.sum(-1, keepdims=True)) @ value[..., at]
        stream = stream + taken @ params[f"attention_{block}"].T
        hidden = activate(model.activation, normed(stream, 2 * block - 1) @ params[f"hidden_{block}"].T)
        stream = stream + hidden @ params[f"output_{block}"].T
    return normed(stream, 2 * model.layers)[:, -1] @ params["unembedding"].T


MODELS = {"mlp": mlp, "modular_mlp": modular_mlp, "transformer": transformer}


def loss(kind, outputs, labels):
    rows = np.arange(len(labels))
    if kind == "clipped_binary_cross_entropy":
        p = 1 / (1 + np.exp(-outputs))
        p = np.where(p.real < 1e-7, 1e-7, np.where(p.real > 1 - 1e-7, 1 - 1e-7, p))
        return -np.mean(labels * np.log(p) + (1 - labels) * np.log(1 - p))
    if kind == "cross_entropy":
        return np.mean(np.log(np.exp(outputs).sum(1)) - outputs[rows, labels])
    if kind == "mean_squared_error":
        return np.mean((outputs - np.eye(outputs.shape[1])[labels]) ** 2)
    if kind == "hinge":
        others = outputs.real.copy()
        others[rows, labels] = -np.inf
        margin = outputs[rows, labels] - outputs[rows, others.argmax(1)]
        return np.mean(np.where(margin.real < 1, 1 - margin, 0))
    s = np.where(outputs.real >= 0, outputs + 1, 1 / (1 - outputs))
    return np.mean(np.log(s.sum(1)) - np.log(s[rows, labels]))


class Adam:
    """Kingma and Ba 2015, algorithm 1."""

    def __init__(self, b1, b2, eps):
        self.b1, self.b2, self.eps, self.m, self.v, self.t = b1, b2, eps, 0.0, 0.0, 0

    def __call__(self, g, w):
        self.t += 1
        self.m = self.b1 * self.m + (1 - self.b1) * g
        self.v = self.b2 * self.v + (1 - self.b2) * g * g
        return self.m / (1 - self.b1**self.t) / (np.sqrt(self.v / (1 - self.b2**self.t)) + self.eps)


class Momentum:
    def __init__(self, momentum, nesterov):
        self.momentum, self.nesterov, self.v = momentum, nesterov, 0.0

    def __call__(self, g, w):
        self.v = self.momentum * self.v + g
        return g + self.momentum * self.v if self.nesterov else self.v


class Muon:
    """Jordan et al. 2024: Nesterov momentum (bias-corrected, as optax has it) and five quintic Newton-Schulz steps."""

    def __init__(self, momentum):
        self.momentum, self.m, self.t = momentum, 0.0, 0

    def __call__(self, g, w):
        beta, self.t = self.momentum, self.t + 1
        self.m = beta * self.m + (1 - beta) * g
        x = beta * self.m / (1 - beta ** (self.t + 1)) + (1 - beta) * g / (1 - beta**self.t)
        flipped = x.shape[0] > x.shape[1]
        x = x.T if flipped else x
        x = x / (np.linalg.norm(x) + 1e-7)
        for _ in range(5):
            a = x @ x.T
            x = 3.4445 * x + (-4.775 * a + 2.0315 * a @ a) @ x
        return x.T if flipped else x


class Grokfast:
    def __init__(self, decay, strength):
        self.decay, self.strength, self.mean = decay, strength, None

    def __call__(self, g):
        self.mean = g if self.mean is None else self.decay * self.mean + (1 - self.decay) * g
        return g + self.strength * self.mean


def orthogonal(g, w):
    if g.ndim < 2:
        return g
    rest = g - w * (w * g).sum() / (w * w).sum()
    return rest * np.linalg.norm(g) / np.linalg.norm(rest)


class Optimizer:
    """Any optimizer of a config over the weights of one run."""

    def __init__(self, config):
        self.o, self.kinds, self.filters, self.t = config.optimizer, {}, {}, 0

    def __call__(self, params, gradients):
        o, self.t, new = self.o, self.t + 1, {}
        warm = min(1.0, self.t / o.warmup_steps) if o.warmup_steps else 1.0
        for name, w in params.items():
            embedding = name.startswith(("embedding", "unembedding"))
            g = gradients[name]
            if o.orthogonal_gradient:
                g = orthogonal(g, w)
            if o.gradient_filter:
                g = self.filters.setdefault(name, Grokfast(o.filter_decay, o.filter_strength))(g)
            direction = self.kinds.setdefault(name, self.kind(w, embedding))(self.penalised(g, w), w)
            decay = (o.embedding_weight_decay if embedding else o.weight_decay) if hasattr(o, "weight_decay") else 0.0
            rate = o.embedding_learning_rate if embedding else o.learning_rate
            new[name] = w - rate * warm * (direction + decay * w)
        return new

    def kind(self, w, embedding):
        if self.o.optimizer == "sgd":
            return Momentum(self.o.momentum, self.o.nesterov)
        if self.o.optimizer == "muon" and w.ndim == 2 and not embedding:
            return Muon(self.o.momentum)
        return Adam(self.o.b1, self.o.b2, self.o.eps)

    def penalised(self, g, w):
        if self.o.optimizer == "adam_l1":
            return g + self.o.l1_penalty * np.sign(w)
        return g + self.o.l2_penalty * w if self.o.optimizer == "adam_l2" else g
