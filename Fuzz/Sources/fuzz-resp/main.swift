import Foundation
import FuzzSupport

guard let options = Options(CommandLine.arguments.dropFirst(), failCases: "FailCases/resp") else {
    print("usage: fuzz-resp [--iterations N] [--seed S] [--first I] [--trace] [--save DIR] [--fail-cases DIR]")
    exit(2)
}
var failures = 0

let files = (try? FileManager.default.contentsOfDirectory(atPath: options.failCasesFolder)) ?? []
for file in files.sorted() where !file.hasPrefix(".") {
    guard let data = FileManager.default.contents(atPath: "\(options.failCasesFolder)/\(file)") else { continue }
    var random = SeededGenerator(seed: options.seed)
    do throws(BrokenInvariant) {
        try runAllWays(Array(data), expected: nil, random: &random)
    } catch {
        failures += 1
        print("\(file): \(error.sentence)")
    }
}

for number in options.first..<(options.first + options.iterations) {
    if options.traces { print("case \(number)") }
    var generator = CaseGenerator(seed: options.seed, number: number)
    let fuzzCase = generator.makeCase()
    if let folder = options.saveFolder {
        let path = "\(folder)/\(options.seed)-\(number)"
        guard FileManager.default.createFile(atPath: path, contents: Data(fuzzCase)) else {
            print("cannot write \(path)")
            exit(2)
        }
    }
    var random = SeededGenerator(seed: options.seed &+ number)
    let expected = generator.isDamaged ? nil : generator.expected
    do throws(BrokenInvariant) {
        try runAllWays(fuzzCase, expected: expected, random: &random)
    } catch {
        failures += 1
        print("case \(number): \(error.sentence)")
        print("repeat: fuzz-resp --seed \(options.seed) --first \(number) --iterations 1 --save .")
    }
}

print("\(files.count) files and \(options.iterations) cases, \(failures) failures")
exit(failures == 0 ? 0 : 1)
