import Testing

@testable import ParleyServer

@Suite struct MetricsPageTests {
    @Test("A family has its help, its type and a line a sample, in a fixed order")
    func text() {
        var page = MetricsPage()
        page.counter("a_total", "Things.", [(["reason": "y"], 2), (["reason": "x"], 1)])
        page.gauge("b_seconds", "Time.", [([:], 0.25)])
        #expect(
            page.text == """
                # HELP a_total Things.
                # TYPE a_total counter
                a_total{reason="x"} 1
                a_total{reason="y"} 2
                # HELP b_seconds Time.
                # TYPE b_seconds gauge
                b_seconds 0.25

                """
        )
    }
}
