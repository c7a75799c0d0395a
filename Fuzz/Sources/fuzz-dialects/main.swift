import Foundation
import FuzzSupport

guard let options = Options(CommandLine.arguments.dropFirst(), failCases: "FailCases/dialects") else {
    print("usage: fuzz-dialects [--iterations N] [--seed S] [--first I] [--trace] [--save DIR] [--fail-cases DIR]")
    exit(2)
}
var failures = 0

let files = (try? FileManager.default.contentsOfDirectory(atPath: options.failCasesFolder)) ?? []
for file in files.sorted() where !file.hasPrefix(".") {
    guard let data = FileManager.default.contents(atPath: "\(options.failCasesFolder)/\(file)") else { continue }
    do throws(BrokenInvariant) {
        try run(Array(data))
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
    do throws(BrokenInvariant) {
        try run(fuzzCase)
    } catch {
        failures += 1
        print("case \(number): \(error.sentence)")
        print("repeat: fuzz-dialects --seed \(options.seed) --first \(number) --iterations 1 --save .")
    }
}

print("\(files.count) files and \(options.iterations) cases, \(failures) failures")
exit(failures == 0 ? 0 : 1)
