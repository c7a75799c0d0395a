import Testing

@testable import parley

/// Tables of settings: the reference has every setting as the catalogue has it, and no other; pages of dialects repeat some.
@Suite struct SettingTableTests {
    @Test("docs/configuration.md prints every setting with its form, default and meaning, and no other")
    func reference() throws {
        let rows = try Page("configuration.md").allRows(headings: ["name", "form", "default", "meaning"])
        for setting in Setting.all {
            let expected = [
                setting.names.joined(separator: ", "), setting.printedForm, setting.defaultText ?? "unset",
                setting.help,
            ]
            let row = rows.first { $0.first?.split(separator: ",").first.map(String.init) == setting.names[0] }
            #expect(row == expected, "\(setting.names[0])")
        }
        let known = Set(Setting.all.map { $0.names[0] })
        let others = rows.compactMap { $0[0].split(separator: ",").first.map(String.init) }.filter {
            !known.contains($0)
        }
        #expect(others.isEmpty, "no such settings: \(others)")
        #expect(rows.count == Setting.all.count)
    }

    @Test(
        "Pages of dialects print defaults and meanings of settings as the catalogue has them",
        arguments: ["session-chat.md", "disposable-chat.md", "channel-server.md", "relay.md"]
    )
    func pages(name: String) throws {
        let rows = try Page(name).allRows(headings: ["setting", "default", "meaning"])
        #expect(!rows.isEmpty)
        for row in rows {
            let setting = try #require(Setting.all.first { $0.names.contains(row[0]) }, "no such setting: \(row[0])")
            #expect(row == [row[0], setting.defaultText ?? "unset", setting.help])
        }
    }
}

extension Setting {
    /// The form as `docs/configuration.md` has it.
    fileprivate var printedForm: String {
        let form =
            switch self.form {
            case .port(let mayBeOff): "port" + (mayBeOff ? " or off" : "")
            case .seconds(let minimum): "seconds, \(minimum.formatted) or more"
            case .count(let minimum, let maximum):
                maximum == 1 << 40 ? "number, \(minimum) or more" : "number, \(minimum) to \(maximum)"
            case .toggle: "yes or no"
            case .text: "text"
            case .address: "address"
            case .path: "path"
            case .url(let orPath): "URL" + (orPath ? " or path" : "")
            case .authority: "host:port"
            case .authorities: "host:port, several"
            case .origins(let orHosts): "origins" + (orHosts ? " or hosts" : "")
            case .choice(let words): words.joined(separator: ", ")
            }
        return form + (self.isSecret ? ", secret" : "")
    }
}
