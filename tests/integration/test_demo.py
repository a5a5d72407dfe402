"""What a newcomer is shown on a real Kafka, and what it says of itself."""

from harness.demo import demo


def test_the_demo_on_a_real_kafka_keeps_its_promise():
    said = demo("--kafka")
    assert "at least once: kept" in said, said
