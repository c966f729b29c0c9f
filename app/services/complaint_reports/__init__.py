"""客户投诉处理报告单: opened for serious complaints, worked through by departments, printed."""
