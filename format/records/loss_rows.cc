#include "format/records/loss_rows.h"

namespace twofold::records {

flatbuffers::Offset<wire::Losses> PackLosses(flatbuffers::FlatBufferBuilder& builder,
                                             const std::vector<Loss>& losses) {
  auto cause = PackColumn<uint16_t>(builder, losses, [](auto& loss) { return loss.cause; });
  auto source = PackColumn<uint8_t>(builder, losses, [](auto& loss) { return loss.source; });
  auto count = PackColumn<uint64_t>(builder, losses, [](auto& loss) { return loss.count; });
  auto time = PackColumn<uint64_t>(builder, losses, [](auto& loss) { return loss.time_ns; });
  return wire::CreateLosses(builder, cause, source, count, time);
}

MaybeFault UnpackLosses(const wire::Losses& table, MemoryBudget& budget,
                        std::vector<Loss>& losses) {
  size_t count = RowsOf(table.cause());
  TWOFOLD_RETURN_IF_FAULT(CheckColumns(
      "losses", count, {RowsOf(table.source()), RowsOf(table.count()), RowsOf(table.time_ns())}));
  if (!budget.Take(count, sizeof(Loss))) return TooMuchMemory();
  losses.resize(count);
  for (uint32_t i = 0; i < count; ++i) {
    Loss& loss = losses[i];
    // Causes and sources of newer versions are kept as the first of their kind.
    loss.cause = GetLossInfo(static_cast<LossCause>(At(table.cause(), i))).cause;
    uint8_t source = At(table.source(), i);
    loss.source = source <= static_cast<uint8_t>(LossSource::kExec)
                      ? static_cast<LossSource>(source)
                      : LossSource::kRecorder;
    loss.count = At(table.count(), i);
    loss.time_ns = At(table.time_ns(), i);
  }
  return std::nullopt;
}

MaybeFault CheckLosses(const std::vector<Loss>& losses, Totals& totals) {
  for (const Loss& loss : losses) {
    if (!AddToTotal(totals.lost, loss.count) || !AddToTotal(totals.lost_ns, loss.time_ns)) {
      return Fault{"its losses add up to more than 2^63"};
    }
  }
  return std::nullopt;
}

}  // namespace twofold::records
