# src/kafka
