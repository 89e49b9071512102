import Foundation
import GRDB

/// What is known of each job of a zoo: an SQLite database beside the results.
///
/// Two tables for anyone's `sqlite3`: `job`, a row for each model, recipe and format, with the figures of its last
/// result, and `attempt`, a row for each time that one was worked on.
package final class ZooLedger: Sendable {
  package enum State: String, Codable, Sendable {
    /// Not begun, or to be done anew because something that it depends on has changed.
    case waiting
    case running
    /// Stopped by a signal; its checkpoint lies there where training had begun.
    case interrupted
    /// Its file is there and verified.
    case done
    /// Its file is there, but does not compute what was trained.
    case unverified
    case failed
  }

  /// A row of `job`.
  package struct Job: Codable, Hashable, Sendable, FetchableRecord, PersistableRecord {
    package static let databaseTableName = "job"
    package var model: String
    package var recipe: String
    package var export: String
    /// Its place in the zoo; nil where the zoo asks for it no longer.
    package var position: Int?
    package var hash: String?
    package var state: State
    /// Why it failed.
    package var message: String?
    /// Below the folder of the results.
    package var output: String
    package var log: String
    /// How many the recipe asks for.
    package var epochs: Int?
    package var method: String?
    package var weightBits: Double?
    package var activationBits: Int?
    package var zeros: Double?
    package var floatBytes: Int?
    package var packedBytes: Int?
    package var floatTop1: Double?
    package var packedTop1: Double?
    package var isVerified: Bool?
    /// Of all attempts together, as the log tells.
    package var seconds: Double?
    package var changed: Date

    package var name: String { ZooJob.name(model, recipe, export) }
  }

  /// A row of `attempt`.
  struct Attempt: Codable, Sendable, FetchableRecord, MutablePersistableRecord {
    static let databaseTableName = "attempt"
    var id: Int64?
    var model: String
    var recipe: String
    var export: String
    var begun: Date
    var ended: Date?
    var threads: Int
    var resumes: Bool
    /// What became of it; nil while it runs, and where whatever ran it was killed.
    var outcome: State?
    mutating func didInsert(_ inserted: InsertionSuccess) { id = inserted.rowID }
  }

  package static let fileName = "ledger.sqlite"
  private let database: DatabaseQueue
  private let path: String

  /// Opens the ledger of a folder, which is made where there is none. Throws `InputError`.
  package init(folder: String) throws {
    let path = folder + "/" + Self.fileName
    self.path = path
    database = try Self.explained(path) {
      var configuration = Configuration()
      configuration.busyMode = .timeout(10)
      let database = try DatabaseQueue(path: path, configuration: configuration)
      try Self.migrator.migrate(database)
      return database
    }
  }

  /// Throws `InputError` with the path in the place of what the database says.
  private static func explained<Value>(_ path: String, _ work: () throws -> Value) throws -> Value {
    do { return try work() } catch { throw InputError(["\(path): cannot be used as the ledger of a zoo: \(error)"]) }
  }

  private func read<Value>(_ body: (Database) throws -> Value) throws -> Value {
    try Self.explained(path) { try database.read(body) }
  }

  private func write<Value>(_ body: (Database) throws -> Value) throws -> Value {
    try Self.explained(path) { try database.write(body) }
  }

  /// Opens a ledger without changing it; of an earlier schema too, whose later columns are empty then.
  private init(reading folder: String) throws {
    var configuration = Configuration()
    configuration.busyMode = .timeout(10)
    configuration.readonly = true
    path = folder + "/" + Self.fileName
    database = try DatabaseQueue(path: path, configuration: configuration)
    _ = try jobs()
  }

  /// The folder of a zoo's results, from its own path or that of the zoo's file. Throws `InputError` where nothing is
  /// of that name, and where the zoo was never run.
  package static func folder(of zoo: String) throws -> String {
    let kind = Output.kind(zoo)
    guard kind != S_IFDIR else { return zoo }
    let folder = ZooFile.resultsFolder(of: zoo)
    guard Output.kind(folder + "/" + fileName) == nil else { return folder }
    guard kind != nil else { throw InputError(["\(zoo): no such file or folder"]) }
    throw InputError(["\(zoo): was not run yet: 'signum zoo run \(zoo)' begins; after '--output', name that folder"])
  }

  /// Opens the ledger that lies in a folder, to be read. Throws `InputError` where there is none.
  package static func existing(_ folder: String) throws -> ZooLedger {
    guard Output.kind(folder + "/" + fileName) == S_IFREG else {
      throw InputError(["\(folder): has no \(fileName); name the folder of a zoo that was run, or its YAML file"])
    }
    // What a killed run left half-written is put right by whoever may write.
    return try (try? ZooLedger(reading: folder)) ?? ZooLedger(folder: folder)
  }

  private static var migrator: DatabaseMigrator {
    var migrator = DatabaseMigrator()
    migrator.registerMigration("1") { database in
      try database.create(table: "job") { table in
        for key in ["model", "recipe", "export"] { table.column(key, .text).notNull() }
        table.primaryKey(["model", "recipe", "export"])
        table.column("position", .integer)
        for key in ["hash", "message", "method"] { table.column(key, .text) }
        for key in ["state", "output", "log"] { table.column(key, .text).notNull() }
        for key in ["epochs", "activationBits", "floatBytes", "packedBytes"] { table.column(key, .integer) }
        for key in ["weightBits", "floatTop1", "packedTop1", "seconds"] { table.column(key, .double) }
        table.column("isVerified", .boolean)
        table.column("changed", .datetime).notNull()
      }
      try database.create(table: "attempt") { table in
        table.autoIncrementedPrimaryKey("id")
        for key in ["model", "recipe", "export"] { table.column(key, .text).notNull() }
        table.column("begun", .datetime).notNull()
        table.column("ended", .datetime)
        table.column("threads", .integer).notNull()
        table.column("resumes", .boolean).notNull()
        table.column("outcome", .text)
      }
    }
    migrator.registerMigration("2") { database in
      try database.alter(table: "job") { $0.add(column: "zeros", .double) }
    }
    return migrator
  }

  // MARK: Reading

  /// The jobs that the zoo asks for, in its order.
  package func jobs() throws -> [Job] {
    try read { try Job.filter(Column("position") != nil).order(Column("position")).fetchAll($0) }
  }

  func job(_ job: ZooJob) throws -> Job? {
    let key = ["model": job.model.name, "recipe": job.recipeName, "export": job.export]
    return try read { try Job.fetchOne($0, key: key) }
  }

  /// How often a job was begun.
  func attempts(_ job: Job) throws -> Int {
    try read { database in
      try Attempt.filter(Column("model") == job.model && Column("recipe") == job.recipe)
        .filter(Column("export") == job.export).fetchCount(database)
    }
  }

  // MARK: Writing

  /// Gives every job of a plan its place, and takes the place of all others.
  func place(_ jobs: [Job]) throws {
    try write { database in
      try Job.updateAll(database, Column("position").set(to: nil))
      for job in jobs { try job.save(database) }
    }
  }

  func save(_ job: Job) throws {
    var job = job
    job.changed = Date()
    try write { [job] in try job.save($0) }
  }

  func begin(_ job: Job, threads: Int, resumes: Bool) throws -> Attempt {
    let attempt = Attempt(
      id: nil, model: job.model, recipe: job.recipe, export: job.export, begun: Date(), threads: threads,
      resumes: resumes)
    return try write { try attempt.inserted($0) }
  }

  func end(_ attempt: Attempt, _ outcome: State) throws {
    var attempt = attempt
    (attempt.ended, attempt.outcome) = (Date(), outcome)
    try write { [attempt] in try attempt.update($0) }
  }
}

extension ZooLedger.Job {
  /// A job that nothing is known of.
  init(_ job: ZooJob, position: Int) {
    (model, recipe, export) = (job.model.name, job.recipeName, job.export)
    (self.position, hash, state, message) = (position, job.hash, .waiting, nil)
    (output, log, epochs, changed) = (job.output, job.log, job.recipe?.epochs, Date())
  }
}
