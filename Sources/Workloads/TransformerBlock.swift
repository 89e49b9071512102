import Compute
import Graphs
import Tensors

extension Workload {
  /// One block of ViT-Tiny over the tokens of an image of 224 x 224, and a classifier over the first token.
  ///
  /// Dosovitskiy et al., An Image is Worth 16x16 Words, 2021, https://arxiv.org/abs/2010.11929; the size is that of
  /// Touvron et al., 2021, https://arxiv.org/abs/2012.12877
  static let transformerBlock = Workload(
    "vit-block", batch: 16, "a block of ViT-Tiny: 197 tokens of 192 features, three heads"
  ) {
    (builder) throws(ShapeError) in
    var x = builder.input([1, 197, 192])
    let attended = try builder.attention(builder.layerNorm("norm1", x), heads: 3)
    x = try builder.add("add1", Add(), x, attended)
    let hidden = try builder.dense("fc1", builder.layerNorm("norm2", x), to: 768)
    let output = try builder.dense("fc2", builder.add("gelu", Pointwise(.gelu), hidden), to: 192)
    x = try builder.add("add2", Add(), x, output)
    let first = try builder.add("token", Slice(starts: [0, 0, 0], steps: [1, 1, 1], counts: [-1, 1, -1]), x)
    return try builder.dense("head", builder.add("flatten", Flatten(), first), to: 10)
  }
}

extension LayerBuilder {
  /// Each token as a sum of all tokens, weighted by how much they have in common, for each head by itself.
  ///
  ///     softmax(q · kᵀ / √size) · v
  fileprivate mutating func attention(_ x: Value, heads: Int) throws(ShapeError) -> Value {
    let (tokens, features) = (shape(x)[1], shape(x)[2])
    let size = features / heads
    // Queries, keys and values of all heads, [batch, 3 · heads, tokens, size].
    let mixed = try dense("qkv", x, to: 3 * features)
    let parts = try add("split", Reshape(dimensions: [0, tokens, 3 * heads, size]), mixed)
    let turned = try add("heads", Transpose(permutation: [0, 2, 1, 3]), parts)
    func part(_ index: Int) -> Slice {
      Slice(starts: [0, index * heads, 0, 0], steps: [1, 1, 1, 1], counts: [-1, heads, -1, -1])
    }
    let scale = constant("scale", Tensor(scalar: 1 / Float(size).squareRoot()))
    let queries = try add("queries", Multiply(), add("query", part(0), turned), scale)
    let keys = try add("keys", Transpose(permutation: [0, 1, 3, 2]), add("key", part(1), turned))
    let weights = try add("weights", Softmax(axis: 3), add("scores", MatrixMultiply(), queries, keys))
    let sums = try add("sums", MatrixMultiply(), weights, add("values", part(2), turned))
    let joined = try add("joined", Transpose(permutation: [0, 2, 1, 3]), sums)
    return try dense("proj", add("merge", Reshape(dimensions: [0, tokens, features]), joined), to: features)
  }

  fileprivate mutating func layerNorm(_ name: String, _ x: Value) throws(ShapeError) -> Value {
    let features = Shape([shape(x)[shape(x).rank - 1]])
    let scale = parameter("\(name).weight", features, bound: 0.25, around: 1)
    return try add(name, LayerNorm(), x, scale, parameter("\(name).bias", features, bound: 0.25))
  }
}
